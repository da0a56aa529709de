//! `skep pool code`: shows a code, and lets in who asks by it.

use super::decide::{Decision, Dialogue};
use super::verbs::Roll;
use crate::ask;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::guest::inert;
use crate::output::table::pairs;
use crate::output::{json, words};
use crate::reach::{self, Door};
use crate::run::follow::Interrupts;
use api::{CodeView, JoinView, Request};
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Between two looks at who asks.
const EVERY: Duration = Duration::from_secs(1);

/// Show a code by which another machine joins this pool, and let it in
///
/// The code lets one machine ask, within ten minutes. On a terminal it waits
/// for that machine and asks whose it is; elsewhere it prints the code and
/// returns, and skep pool device approve lets the machine in.
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep pool code
  skep pool code --json")]
pub(crate) struct Code {}

pub(crate) async fn code(context: &Context) -> Result<(), Failure> {
    let mut interrupts = Interrupts::listen()?;
    let door = reach::to_node(context).await?;
    // A machine may ask while the code is still being drawn.
    let before = door.roll().await?;
    let code = door.open_code().await?;
    said(context, &code)?;
    if context.output.quiet || !ask::can_answer(&context.output) {
        return Ok(());
    }
    context
        .output
        .note("\nwaiting for the other machine; Ctrl-C closes the code");
    let ended = interrupts
        .during(wait(context, &door, &before, code.expires_ms))
        .await;
    if ended.is_err() {
        // What was asked by it is asked still; it may have ended by itself.
        drop(door.ask(Request::CloseCode).await);
    }
    ended
}

fn said(context: &Context, code: &CodeView) -> Result<(), Failure> {
    let output = &context.output;
    if output.json {
        let mut document = json::flat(code);
        document["command"] = on_the_other(code).into();
        return output.document(&document);
    }
    if output.quiet {
        return output.line(&code.code);
    }
    output.line(shown(code, words::now_ms(), output.stdout_colours()))
}

/// The code by itself, and below it whatever else may be needed.
fn shown(code: &CodeView, now_ms: i64, colours: bool) -> String {
    let large = if colours {
        format!("\x1b[1m{}\x1b[0m", inert(&code.code))
    } else {
        inert(&code.code)
    };
    let minutes = u64::try_from(code.expires_ms - now_ms).unwrap_or(0);
    let left = format!(
        "{}, and one machine",
        words::count(minutes.div_ceil(60_000), "minute")
    );
    let mut rows = vec![("good for", left), ("on the other machine", join(code))];
    if let Some(first) = code.addresses.first() {
        let at = format!("skep pool join --pool {first} {}", code.code);
        rows.push(("if it finds nothing", at));
    }
    rows.push(("where nobody sits", on_the_other(code)));
    if code.addresses.len() > 1 {
        rows.push(("addresses", code.addresses.join(", ")));
    }
    rows.push(("as a link", code.link.clone()));
    format!("\n    {large}\n\n{}", pairs(rows))
}

fn join(code: &CodeView) -> String {
    format!("skep pool join {}", code.code)
}

/// Joins and works at once.
fn on_the_other(code: &CodeView) -> String {
    match code.addresses.first() {
        Some(first) => format!("skep worker start --pool {first} --join {}", code.code),
        None => format!("skep worker start --join {}", code.code),
    }
}

/// What happened since the code was opened.
#[derive(Debug, PartialEq, Eq)]
enum News {
    /// Of this name, and it is let in.
    In(String),
    /// Who asked asks no more, and is not in.
    Gone,
    Asks(Box<JoinView>),
    Nothing,
}

fn news(before: &Roll, now: &Roll, asking: Option<&str>) -> News {
    let ids = |roll: &Roll| -> BTreeSet<String> {
        let devices = roll.devices.iter().filter(|it| it.revoked_ms.is_none());
        devices.map(|it| it.id.clone()).collect()
    };
    let known = ids(before);
    let new = now.devices.iter().find(|device| {
        let id = &device.id;
        device.revoked_ms.is_none() && !known.contains(id)
    });
    if let Some(device) = new {
        return News::In(device.name.clone());
    }
    let waits = |id: &str| now.joins.iter().any(|join| join.id == id);
    match asking {
        Some(id) if waits(id) => News::Nothing,
        Some(_) => News::Gone,
        None => match now.joins.first() {
            Some(join) => News::Asks(Box::new(join.clone())),
            None => News::Nothing,
        },
    }
}

/// The machine that is asked about, and the line that is being typed.
struct Asking {
    join: JoinView,
    dialogue: Dialogue,
    line: JoinHandle<io::Result<String>>,
}

impl Asking {
    fn about(join: JoinView, roll: &Roll) -> Asking {
        let persons = roll.persons.iter().map(|person| person.name.clone());
        let dialogue = Dialogue::about(&join, persons.collect());
        let line = ask_aside(&dialogue);
        Asking {
            join,
            dialogue,
            line,
        }
    }
}

/// Reading a line takes as long as the person does.
fn ask_aside(dialogue: &Dialogue) -> JoinHandle<io::Result<String>> {
    let question = dialogue.question();
    tokio::task::spawn_blocking(move || ask::line(&question))
}

/// Until one was let in or turned away, or the code has ended.
async fn wait(
    context: &Context,
    door: &Door,
    before: &Roll,
    expires_ms: i64,
) -> Result<(), Failure> {
    let output = &context.output;
    let mut asking: Option<Asking> = None;
    loop {
        let roll = door.roll().await?;
        let about = asking.as_ref().map(|asking| asking.join.id.as_str());
        match news(before, &roll, about) {
            News::In(name) => {
                output.note(format_args!("{} is in", inert(&name)));
                return Ok(());
            }
            News::Gone => {
                output.note("\nit asks no more; skep pool code makes a new code");
                return Err(Failure::Ended(1));
            }
            News::Asks(join) => {
                let system = inert(&join.os);
                output.note(format_args!("{} ({system}) asks", inert(&join.name)));
                asking = Some(Asking::about(*join, &roll));
            }
            // Who asked in time is still answered.
            News::Nothing if asking.is_none() && words::now_ms() >= expires_ms => {
                output.note("the code has ended; skep pool code makes a new one");
                return Err(Failure::Ended(1));
            }
            News::Nothing => {}
        }
        let Some(open) = &mut asking else {
            tokio::time::sleep(EVERY).await;
            continue;
        };
        let typed = tokio::select! {
            typed = &mut open.line => typed,
            () = tokio::time::sleep(EVERY) => continue,
        };
        // A reader that broke has read nothing.
        let text = typed.unwrap_or_else(|_| Ok(String::new()))?;
        if text.is_empty() {
            output.note("\nnot decided; skep pool device approve or refuse answers");
            return Err(Failure::Ended(1));
        }
        match open.dialogue.answer(&text) {
            Some(decision) => return decided(context, door, &open.join, decision).await,
            None => open.line = ask_aside(&open.dialogue),
        }
    }
}

async fn decided(
    context: &Context,
    door: &Door,
    join: &JoinView,
    decision: Decision,
) -> Result<(), Failure> {
    let device = join.id.clone();
    let name = inert(&join.name);
    let (request, said) = match decision {
        Decision::Approve(ownership) => (
            Request::Approve { device, ownership },
            format!("{name} is in"),
        ),
        Decision::Refuse => (
            Request::Refuse { device },
            format!("{name} was turned away; skep pool code makes a new code"),
        ),
    };
    door.ask(request).await?;
    context.output.note(said);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{News, Roll, news, shown};
    use api::{CodeView, DeviceView, JoinView, Roles};

    fn device(id: &str) -> DeviceView {
        DeviceView {
            id: id.to_owned(),
            name: format!("{id}'s name"),
            os: String::new(),
            person: String::new(),
            roles: Roles::default(),
            own: false,
            coordinates: false,
            connected: true,
            joined_ms: 0,
            revoked_ms: None,
        }
    }

    fn join(id: &str) -> JoinView {
        JoinView {
            id: id.to_owned(),
            name: format!("{id}'s name"),
            os: String::new(),
            asked_ms: 0,
            expires_ms: 1,
        }
    }

    fn roll(devices: &[&str], joins: &[&str]) -> Roll {
        Roll {
            devices: devices.iter().map(|id| device(id)).collect(),
            joins: joins.iter().map(|id| join(id)).collect(),
            persons: Vec::new(),
        }
    }

    #[test]
    fn what_happens_while_a_code_is_shown_is_noticed() {
        let before = roll(&["own"], &[]);
        let after = |devices: &[&str], joins: &[&str], asking: Option<&str>| {
            news(&before, &roll(devices, joins), asking)
        };
        assert_eq!(after(&["own"], &[], None), News::Nothing);
        let asks = News::Asks(Box::new(join("new")));
        assert_eq!(after(&["own"], &["new"], None), asks);
        assert_eq!(after(&["own"], &["new"], Some("new")), News::Nothing);
        // Another window answered.
        let is_in = || News::In("dev's name".to_owned());
        assert_eq!(after(&["own", "dev"], &[], Some("new")), is_in());
        assert_eq!(after(&["own", "dev"], &[], None), is_in());
        assert_eq!(after(&["own"], &["other"], Some("new")), News::Gone);
    }

    #[test]
    fn a_device_that_comes_back_after_it_was_revoked_is_in() {
        let mut before = roll(&["own", "old"], &[]);
        before.devices[1].revoked_ms = Some(1);
        assert_eq!(news(&before, &before, None), News::Nothing);
        let now = roll(&["own", "old"], &[]);
        assert_eq!(news(&before, &now, None), News::In("old's name".to_owned()));
    }

    #[test]
    fn a_code_stands_by_itself_with_every_way_to_use_it() {
        let mut code = CodeView {
            code: "K7QM-2XRT".to_owned(),
            expires_ms: 600_000,
            addresses: vec!["192.168.1.20:7538".to_owned(), "[fd00::20]:7538".to_owned()],
            link: "skep://join/AQID".to_owned(),
        };
        let full = shown(&code, 61_000, false);
        code.addresses.clear();
        let bare = shown(&code, 599_999, false);
        insta::assert_snapshot!([full, bare].join("\n\n"));
    }
}
