//! Each rule by itself, all of them together, and what holds in any situation.

use super::*;
use proptest::prelude::*;

const GIB: u64 = 1 << 30;
const MACHINE: Machine = Machine {
    cores: 8,
    memory_bytes: 16 * GIB,
};
/// Nobody there, on mains, cool.
const CALM: Readings = Readings {
    presence: Presence::Nobody,
    power: Power::NoBattery,
    power_saver: false,
    temperature_c: Some(50),
    other_load_percent: Some(5),
};

fn settings() -> Settings {
    Settings {
        on: true,
        cores: 8,
        memory_percent: 50,
        when_in_use: WhenInUse::Fewer,
        idle_after: minutes(3),
        on_battery: OnBattery::Pause,
        temperature_limit_c: Some(85),
        other_load_percent: None,
        schedule: Schedule::always(),
    }
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

fn at(seconds: u64) -> Moment {
    Moment(1_000_000_000).after(Duration::from_secs(seconds))
}

fn situation(settings: &Settings, readings: Readings) -> Situation<'_> {
    Situation {
        now: at(0),
        week: WeekMinute::new(1, 10, 30),
        settings,
        machine: MACHINE,
        readings,
        pause: None,
        working: false,
    }
}

/// Cores and sentence, with nothing before.
fn outcome(settings: &Settings, readings: Readings) -> (u32, String) {
    let decision = decide(&situation(settings, readings), Before::default());
    (decision.cores, decision.sentence(None))
}

fn check_outcome(settings: &Settings, readings: Readings, cores: u32, sentence: &str) {
    assert_eq!(outcome(settings, readings), (cores, sentence.to_owned()));
}

#[test]
fn nothing_stands_against_it() {
    check_outcome(&settings(), CALM, 8, "Waiting for work");
    let settings = settings();
    let decision = decide(&situation(&settings, CALM), Before::default());
    assert_eq!(decision.sentence(Some("tiles")), "Working on tiles");
    assert_eq!(decision.memory_bytes / GIB, 7);
    assert!(decision.rules.iter().all(|rule| rule.met), "{decision:?}");
    assert_eq!(decision.holds_for, None);
}

#[test]
fn what_a_person_wants_goes_first() {
    let mut settings = settings();
    settings.on = false;
    let off = "Paused: Contribute is off";
    check_outcome(&settings, CALM, 0, off);
    settings.on = true;
    let mut now = situation(&settings, CALM);
    now.pause = Some(Pause::UntilResumed);
    let decision = decide(&now, Before::default());
    assert_eq!(decision.sentence(None), "Paused: until you resume it");
    for (left, said) in [
        (minutes(37), "Paused: until 11:07"),
        (minutes(24 * 60 - 270), "Paused: until wed 06:00"),
        (minutes(7 * 24 * 60), "Paused: until tue 10:30"),
    ] {
        let ends = now.week.after(left);
        now.pause = Some(Pause::Until { left, ends });
        let decision = decide(&now, Before::default());
        assert_eq!(decision.sentence(Some("tiles")), said);
        assert_eq!((decision.cores, decision.holds_for), (0, Some(left)));
    }
}

#[test]
fn a_machine_in_use_gives_half_or_nothing() {
    let mut settings = settings();
    let used = |seconds| Readings {
        presence: Presence::Idle(Duration::from_secs(seconds)),
        ..CALM
    };
    let slowed = "Slowed down: someone is using it";
    check_outcome(&settings, used(0), 4, slowed);
    check_outcome(&settings, used(179), 4, slowed);
    check_outcome(&settings, used(180), 8, "Waiting for work");
    let decision = decide(&situation(&settings, used(170)), Before::default());
    assert_eq!(decision.holds_for, Some(Duration::from_secs(10)));
    settings.when_in_use = WhenInUse::Never;
    check_outcome(&settings, used(0), 0, "Paused: someone is using it");
    settings.when_in_use = WhenInUse::Always;
    check_outcome(&settings, used(0), 8, "Waiting for work");
    settings.when_in_use = WhenInUse::Fewer;
    settings.cores = 1;
    check_outcome(&settings, used(0), 1, "Waiting for work");
}

#[test]
fn what_cannot_be_read_counts_against_working_where_somebody_sits() {
    let mut settings = settings();
    settings.other_load_percent = Some(50);
    let unread = Readings {
        presence: Presence::Unknown,
        ..CALM
    };
    let slowed = "Slowed down: its last input cannot be read, which counts as in use";
    check_outcome(&settings, unread, 4, slowed);
    let battery = Readings {
        power: Power::Unknown,
        ..unread
    };
    let paused = "Paused: whether it is on battery cannot be read, which counts as on battery";
    check_outcome(&settings, battery, 0, paused);
    let load = Readings {
        other_load_percent: None,
        ..unread
    };
    let busy = "Paused: other programs' load cannot be read, which counts as busy";
    check_outcome(&settings, load, 0, busy);
    let alone = Readings {
        presence: Presence::Nobody,
        power: Power::Unknown,
        other_load_percent: None,
        ..CALM
    };
    check_outcome(&settings, alone, 8, "Waiting for work");
}

#[test]
fn battery_and_power_saver_pause_unless_set_otherwise() {
    let mut settings = settings();
    let battery = Readings {
        power: Power::Battery,
        ..CALM
    };
    let saver = Readings {
        power: Power::Mains,
        power_saver: true,
        ..CALM
    };
    check_outcome(&settings, battery, 0, "Paused: it is on battery");
    check_outcome(
        &settings,
        saver,
        0,
        "Paused: the system's power saver is on",
    );
    settings.on_battery = OnBattery::Work;
    check_outcome(&settings, battery, 8, "Waiting for work");
    check_outcome(&settings, saver, 8, "Waiting for work");
}

/// A machine that lives through readings, one each second.
struct Life {
    settings: Settings,
    before: Before,
    second: u64,
}

impl Life {
    fn new(settings: Settings) -> Life {
        Life {
            settings,
            before: Before::default(),
            second: 0,
        }
    }

    fn see(&mut self, readings: Readings) -> Decision {
        self.second += 1;
        let now = Situation {
            now: at(self.second),
            ..situation(&self.settings, readings)
        };
        let decision = decide(&now, self.before);
        self.before = decision.before;
        decision
    }

    fn warm(&mut self, degrees: i16) -> u32 {
        let readings = Readings {
            temperature_c: Some(degrees),
            ..CALM
        };
        self.see(readings).cores
    }
}

#[test]
fn a_hot_machine_gives_up_cores_step_by_step_and_takes_them_back_with_margin() {
    let mut life = Life::new(settings());
    assert_eq!(life.warm(85), 8);
    assert_eq!(life.warm(86), 6);
    assert_eq!((0..9).map(|_| life.warm(86)).min(), Some(6));
    assert_eq!(life.warm(86), 4);
    // Between the limit and its margin nothing changes, however long.
    assert_eq!((0..100).map(|_| life.warm(81)).max(), Some(4));
    assert_eq!(life.warm(80), 6);
    assert_eq!((0..29).map(|_| life.warm(80)).max(), Some(6));
    assert_eq!(life.warm(80), 8);
}

#[test]
fn ten_degrees_above_the_limit_nothing_runs_until_it_is_cool() {
    let mut life = Life::new(settings());
    assert_eq!(life.warm(94), 6);
    assert_eq!(life.warm(95), 0);
    assert_eq!((0..100).map(|_| life.warm(81)).max(), Some(0));
    let decision = life.see(Readings {
        temperature_c: Some(81),
        ..CALM
    });
    assert_eq!(
        decision.sentence(None),
        "Paused: it reached 95 °C and cools down to 80 °C"
    );
    // A sensor that stops answering does not let it run.
    let silent = Readings {
        temperature_c: None,
        ..CALM
    };
    assert_eq!(life.see(silent).cores, 0);
    assert_eq!(life.warm(80), 2);
    life.settings.temperature_limit_c = None;
    assert_eq!(life.warm(120), 8);
}

#[test]
fn a_machine_without_a_sensor_has_no_limit() {
    let mut life = Life::new(settings());
    let silent = Readings {
        temperature_c: None,
        ..CALM
    };
    let decision = life.see(silent);
    assert_eq!(decision.cores, 8);
    let rule = decision
        .rules
        .iter()
        .find(|rule| rule.name == "Temperature");
    assert_eq!(rule.unwrap().now, "no sensor");
}

#[test]
fn of_two_reasons_to_slow_down_the_stronger_is_said() {
    let mut life = Life::new(settings());
    let both = Readings {
        presence: Presence::Idle(Duration::ZERO),
        temperature_c: Some(90),
        ..CALM
    };
    let decision = life.see(both);
    assert_eq!(decision.cores, 4);
    assert_eq!(decision.sentence(None), "Slowed down: someone is using it");
    life.second += 100;
    life.see(both);
    life.second += 100;
    let decision = life.see(both);
    assert_eq!(decision.cores, 2);
    assert_eq!(decision.sentence(None), "Slowed down: to stay below 85 °C");
}

#[test]
fn other_programs_are_let_through_at_once_and_must_be_quiet_for_a_while() {
    let mut settings = settings();
    settings.other_load_percent = Some(50);
    let mut life = Life::new(settings);
    let load = |percent| Readings {
        other_load_percent: Some(percent),
        ..CALM
    };
    assert_eq!(life.see(load(50)).cores, 8);
    let decision = life.see(load(51));
    assert_eq!(decision.cores, 0);
    assert_eq!(
        decision.sentence(None),
        "Paused: other programs need more than 50 % of the processor"
    );
    assert_eq!((0..10).map(|_| life.see(load(20)).cores).max(), Some(0));
    assert_eq!(life.see(load(60)).cores, 0);
    assert_eq!((0..10).map(|_| life.see(load(20)).cores).max(), Some(0));
    assert_eq!(life.see(load(20)).cores, 8);
}

#[test]
fn a_schedule_opens_and_closes_by_the_wall() {
    let mut settings = settings();
    settings.schedule = "mon-fri 18-24, sat-sun 0-24".parse().unwrap();
    let mut now = situation(&settings, CALM);
    for (week, cores, said) in [
        (
            WeekMinute::new(0, 17, 59),
            0,
            "Paused: outside its hours until 18:00",
        ),
        (WeekMinute::new(0, 18, 0), 8, "Waiting for work"),
        (
            WeekMinute::new(1, 0, 0),
            0,
            "Paused: outside its hours until 18:00",
        ),
        (WeekMinute::new(6, 23, 59), 8, "Waiting for work"),
    ] {
        now.week = week;
        let decision = decide(&now, Before::default());
        assert_eq!(decision.cores, cores, "{week}");
        assert_eq!(decision.sentence(None), said, "{week}");
    }
    now.week = WeekMinute::new(0, 17, 30);
    assert_eq!(decide(&now, Before::default()).holds_for, Some(minutes(30)));
    settings.schedule = "wed 9-12".parse().unwrap();
    let decision = decide(&situation(&settings, CALM), Before::default());
    assert_eq!(
        decision.sentence(None),
        "Paused: outside its hours until wed 09:00"
    );
}

#[test]
fn schedules_are_read_as_they_are_written() {
    let open = |text: &str| -> Vec<u16> {
        let schedule: Schedule = text.parse().unwrap();
        assert_eq!(schedule.to_string(), text);
        let hours = (0..7).flat_map(|day| (0..24).map(move |hour| (day, hour)));
        hours
            .filter(|(day, hour)| schedule.is_open(WeekMinute::new(*day, *hour, 59)))
            .map(|(day, hour)| u16::from(day) * 100 + u16::from(hour))
            .collect()
    };
    assert_eq!(open("wed 0-2 12-13"), [200, 201, 212]);
    assert_eq!(open("Sun 23-1"), [0, 623]);
    assert_eq!(open("sat-mon 5-6"), [5, 505, 605]);
    assert_eq!(open("always").len(), 168);
    assert_eq!(open("mon-sun 0-24").len(), 168);
    for wrong in [
        "",
        ",",
        "mon",
        "mon-fri",
        "moon 1-2",
        "mon 1",
        "mon 24-3",
        "mon 3-3",
        "mon 1-25",
        "mon -1-2",
        "never",
        "mon 1-2,",
        "mon 1-2; tue 3-4",
    ] {
        assert!(wrong.parse::<Schedule>().is_err(), "{wrong:?}");
    }
}

#[test]
fn settings_that_could_never_work_are_refused_with_the_reason() {
    let mut settings = settings();
    check(&settings, MACHINE, GIB / 4).unwrap();
    settings.cores = 9;
    let refused = check(&settings, MACHINE, GIB / 4).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "9 cores cannot be given: this machine has 8"
    );
    settings.cores = 8;
    settings.memory_percent = 5;
    let refused = check(&settings, MACHINE, GIB).unwrap_err();
    assert!(refused.to_string().contains("819 MiB"), "{refused}");
}

prop_compose! {
    fn any_readings()(
        presence in prop_oneof![
            Just(Presence::Nobody),
            Just(Presence::Unknown),
            (0_u64..400).prop_map(|seconds| Presence::Idle(Duration::from_secs(seconds))),
        ],
        power in prop_oneof![
            Just(Power::NoBattery), Just(Power::Mains), Just(Power::Battery), Just(Power::Unknown),
        ],
        power_saver: bool,
        temperature_c in proptest::option::of(-20_i16..130),
        other_load_percent in proptest::option::of(0_u8..=100),
    ) -> Readings {
        Readings { presence, power, power_saver, temperature_c, other_load_percent }
    }
}

prop_compose! {
    fn any_settings()(
        on in proptest::bool::weighted(0.9),
        cores in 0_u32..20,
        memory_percent in 5_u8..=95,
        when_in_use in prop_oneof![
            Just(WhenInUse::Always), Just(WhenInUse::Fewer), Just(WhenInUse::Never),
        ],
        idle in 1_u64..6,
        on_battery in prop_oneof![Just(OnBattery::Pause), Just(OnBattery::Work)],
        temperature_limit_c in proptest::option::of(50_u8..100),
        other_load_percent in proptest::option::of(10_u8..95),
        schedule in prop_oneof![
            Just(Schedule::always()), Just("mon-fri 18-6".parse().unwrap()),
        ],
    ) -> Settings {
        Settings {
            on, cores, memory_percent, when_in_use, idle_after: minutes(idle), on_battery,
            temperature_limit_c, other_load_percent, schedule,
        }
    }
}

fn any_pause() -> impl Strategy<Value = Option<Pause>> {
    proptest::option::weighted(
        0.1,
        prop_oneof![
            Just(Pause::UntilResumed),
            Just(Pause::WhenFinished),
            (1_u64..10_000).prop_map(|left| Pause::Until {
                left: minutes(left),
                ends: WeekMinute::default().after(minutes(left)),
            }),
        ],
    )
}

/// What is worse in `b` than in `a` cannot let more run.
fn worse(a: Readings, b: Readings) -> Readings {
    let rank = |presence: Presence| match presence {
        Presence::Nobody => Duration::MAX,
        Presence::Idle(idle) => idle,
        Presence::Unknown => Duration::ZERO,
    };
    let hungry = |power: Power| power == Power::Battery;
    Readings {
        presence: if rank(b.presence) < rank(a.presence) {
            b.presence
        } else {
            a.presence
        },
        power: if hungry(b.power) { b.power } else { a.power },
        power_saver: a.power_saver || b.power_saver,
        temperature_c: a.temperature_c.map(|a| a.max(b.temperature_c.unwrap_or(a))),
        other_load_percent: a
            .other_load_percent
            .map(|a| a.max(b.other_load_percent.unwrap_or(a))),
    }
}

proptest! {
    #[test]
    fn in_any_situation_and_after_any_past(
        settings in any_settings(),
        past in proptest::collection::vec((any_readings(), 0_u64..60), 0..12),
        readings in any_readings(),
        other in any_readings(),
        pause in any_pause(),
        working in any::<bool>(),
        week in 0_u64..20_000,
        cores in 1_u32..16,
    ) {
        let mut now = Situation {
            now: at(0),
            week: WeekMinute::default().after(minutes(week)),
            settings: &settings,
            machine: Machine { cores, ..MACHINE },
            readings,
            pause,
            working,
        };
        let mut before = Before::default();
        for (seen, seconds) in past {
            now.now = now.now.after(Duration::from_secs(seconds));
            now.readings = seen;
            before = decide(&now, before).before;
        }
        now.readings = readings;
        let decision = decide(&now, before);
        prop_assert!(decision.cores <= cores.min(settings.cores.max(1)));
        prop_assert!(decision.memory_bytes <= MACHINE.memory_bytes);
        match &decision.state {
            State::Paused(reason) => {
                prop_assert_eq!(decision.cores, 0);
                prop_assert!(!reason.text.is_empty());
            }
            State::Slowed(reason) => {
                prop_assert!(decision.cores > 0 && decision.cores < cores);
                prop_assert!(!reason.text.is_empty());
            }
            State::Finishing(_) => {
                prop_assert!(working && decision.cores > 0);
            }
            State::Free => prop_assert_eq!(decision.cores, settings.cores.clamp(1, cores)),
        }
        prop_assert!(decision.sentence(None).len() > 5);
        prop_assert_ne!(decision.holds_for, Some(Duration::ZERO));
        if decision.rules.iter().all(|rule| rule.met) {
            prop_assert_eq!(&decision.state, &State::Free);
        }
        let finishing = working && pause == Some(Pause::WhenFinished);
        if (pause.is_some() && !finishing) || !settings.on {
            prop_assert_eq!(decision.cores, 0);
        }
        // The same again is the same, and worse readings never give more.
        prop_assert_eq!(&decide(&now, before), &decision);
        now.readings = worse(readings, other);
        prop_assert!(decide(&now, before).cores <= decision.cores);
    }
}

#[test]
fn a_pause_may_wait_for_what_runs() {
    let settings = settings();
    let asked = Situation {
        pause: Some(Pause::WhenFinished),
        working: true,
        ..situation(&settings, CALM)
    };
    let decision = decide(&asked, Before::default());
    assert_eq!(decision.cores, 8, "what runs goes on");
    assert_eq!(
        decision.sentence(Some("tiles")),
        "Finishing what runs, then pausing"
    );
    let unmet = |decision: &Decision| -> Vec<String> {
        let rules = decision.rules.iter().filter(|rule| !rule.met);
        rules
            .map(|rule| format!("{}: {}", rule.name, rule.now))
            .collect()
    };
    assert_eq!(unmet(&decision), ["Pause: when what runs has ended"]);
    // A rule that stops what runs stops it meanwhile too.
    let hidden = Settings {
        when_in_use: WhenInUse::Never,
        ..settings.clone()
    };
    let used = Readings {
        presence: Presence::Idle(Duration::ZERO),
        ..CALM
    };
    let in_use = Situation {
        settings: &hidden,
        readings: used,
        ..asked
    };
    let decision = decide(&in_use, Before::default());
    assert_eq!(
        (decision.cores, decision.sentence(None).as_str()),
        (0, "Paused: someone is using it")
    );
    let over = Situation {
        working: false,
        ..asked
    };
    let decision = decide(&over, Before::default());
    assert_eq!(
        (decision.cores, decision.sentence(None).as_str()),
        (0, "Paused: until you resume it")
    );
    assert_eq!(unmet(&decision), ["Pause: until you resume it"]);
    assert_eq!(decision.holds_for, None);
}
