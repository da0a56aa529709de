//! Functions of numbers, mapped over a range; and bytes in, bytes out.

use bytes::Bytes;
use sandbox::{End, Entry, RangeArg, Stdin, Task, Value};

use crate::harness::{calls, function, hear, profile, programs, story, task};

const SQUARE: &str = r#"(module (func (export "square") (param i64) (result i64)
    (i64.mul (local.get 0) (local.get 0))))"#;

#[test]
fn a_function_is_mapped_over_a_range() {
    story(|bench| async move {
        let mut executor = bench.executor(SQUARE, &function("square")).await;
        let range = Some(RangeArg {
            start: -100,
            step: 3,
        });
        executor
            .send(calls(Vec::new(), range, 0, 50_000))
            .await
            .expect("taken");
        executor
            .send(calls(Vec::new(), range, 50_000, 50_000))
            .await
            .expect("taken");
        let heard = hear(&mut executor, 2).await;
        heard.all_done(100_000);
        for index in 0..100_000u64 {
            let value = -100 + 3 * i64::try_from(index).expect("small");
            assert_eq!(heard.line(index), (value * value).to_string());
        }
        assert!(
            heard.frames < 10_000,
            "results travel together: {} frames",
            heard.frames
        );
    });
}

#[test]
fn arguments_of_every_type_and_several_results() {
    story(|bench| async move {
        let text = r#"(module (func (export "f") (param i32 i64 f32 f64) (result i32 i64 f32 f64)
            (local.get 0) (local.get 1) (local.get 2) (f64.mul (local.get 3) (f64.const 0.5))))"#;
        let args = vec![
            Value::I32(-7),
            Value::I64(i64::MAX),
            Value::F32(0.1),
            Value::F64(1e300),
        ];
        let heard = bench
            .run(text, &function("f"), calls(args.clone(), None, 4, 1))
            .await;
        assert_eq!(heard.line(4), "-7 9223372036854775807 0.1 5e299");
        // The last argument from the range instead.
        let range = Some(RangeArg { start: 5, step: 1 });
        let heard = bench
            .run(text, &function("f"), calls(args[..3].to_vec(), range, 0, 2))
            .await;
        assert_eq!(heard.line(1), "-7 9223372036854775807 0.1 3");
        let wrong = calls(args[..2].to_vec(), None, 0, 1);
        let heard = bench.run(text, &function("f"), wrong).await;
        assert!(
            matches!(&heard.ends[&0], End::AbiViolation { message } if message.contains("4 arguments"))
        );
    });
}

#[test]
fn a_trap_fails_its_call_and_no_other() {
    story(|bench| async move {
        let text = r#"(module (func (export "inverse") (param i32) (result i32)
            (i32.div_s (i32.const 100) (local.get 0))))"#;
        let range = Some(RangeArg { start: -3, step: 1 });
        let heard = bench
            .run(text, &function("inverse"), calls(Vec::new(), range, 0, 7))
            .await;
        assert_eq!(heard.ends.len(), 7);
        assert!(matches!(&heard.ends[&3], End::Trap { message, .. } if message.contains("zero")));
        let texts: Vec<_> = (0..7).filter(|i| *i != 3).map(|i| heard.line(i)).collect();
        assert_eq!(texts, ["-33", "-50", "-100", "100", "50", "33"]);
        assert_eq!(
            heard.order,
            (0..7).collect::<Vec<_>>(),
            "in order all the same"
        );
    });
}

#[test]
fn state_is_not_kept_between_calls() {
    story(|bench| async move {
        let text = r#"(module (global $g (mut i32) (i32.const 0)) (memory 1)
            (func (export "_initialize") (global.set $g (i32.const 10)))
            (func (export "next") (result i32)
              (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g)))"#;
        let heard = bench
            .run(text, &function("next"), calls(Vec::new(), None, 0, 100))
            .await;
        for index in 0..100 {
            assert_eq!(heard.line(index), "11", "initialised, and called once");
        }
    });
}

#[test]
fn a_range_beyond_its_type_fails_the_calls_beyond() {
    story(|bench| async move {
        let text = r#"(module (func (export "id") (param i32) (result i32) (local.get 0)))"#;
        let range = Some(RangeArg {
            start: i64::from(u32::MAX) - 1,
            step: 1,
        });
        let heard = bench
            .run(text, &function("id"), calls(Vec::new(), range, 0, 4))
            .await;
        assert_eq!(
            (heard.line(0), heard.line(1)),
            ("-2".to_owned(), "-1".to_owned())
        );
        for index in [2, 3] {
            assert!(matches!(heard.ends[&index], End::AbiViolation { .. }));
        }
    });
}

#[test]
fn modules_for_browsers_that_need_nothing_of_them_run() {
    story(|bench| async move {
        let text = r#"(module
            (import "wbg" "__wbindgen_init_externref_table" (func $init))
            (import "__wbindgen_placeholder__" "__wbg___wbindgen_throw_b855445ff6a94295" (func $throw (param i32 i32)))
            (memory (export "memory") 1) (data (i32.const 8) "no odd numbers")
            (table 1 externref)
            (func (export "__wbindgen_start") (call $init))
            (func (export "halve") (param i32) (result i32)
              (if (i32.and (local.get 0) (i32.const 1)) (then (call $throw (i32.const 8) (i32.const 14))))
              (i32.shr_u (local.get 0) (i32.const 1))))"#;
        let on_demand = sandbox::Profile {
            on_demand: true,
            ..function("halve")
        };
        let range = Some(RangeArg { start: 41, step: 1 });
        let heard = bench
            .run(text, &on_demand, calls(Vec::new(), range, 0, 2))
            .await;
        assert_eq!(heard.line(1), "21");
        let End::Trap { message, .. } = &heard.ends[&0] else {
            panic!("{:?}", heard.ends[&0])
        };
        assert_eq!(message, "it threw: no odd numbers");
    });
}

#[test]
fn bytes_go_in_and_come_out() {
    story(|bench| async move {
        // Turns its input around, in memory that it grows first.
        let text = r#"(module (memory (export "memory") 1)
            (func (export "skep_alloc") (param $n i32) (result i32)
              (i32.mul (memory.grow (i32.add (i32.div_u (local.get $n) (i32.const 65536)) (i32.const 1))) (i32.const 65536)))
            (func (export "skep_run") (param $at i32) (param $n i32) (result i64) (local $i i32) (local $j i32) (local $b i32)
              (local.set $i (local.get $at))
              (local.set $j (i32.sub (i32.add (local.get $at) (local.get $n)) (i32.const 1)))
              (block $end (loop $l
                (br_if $end (i32.ge_s (local.get $i) (local.get $j)))
                (local.set $b (i32.load8_u (local.get $i)))
                (i32.store8 (local.get $i) (i32.load8_u (local.get $j)))
                (i32.store8 (local.get $j) (local.get $b))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (local.set $j (i32.sub (local.get $j) (i32.const 1)))
                (br $l)))
              (i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32)) (i64.extend_i32_u (local.get $n)))))"#;
        let long: Vec<u8> = (0..300_000u32)
            .map(|i| (i % 253).to_le_bytes()[0])
            .collect();
        let inputs = [Vec::new(), b"abc".to_vec(), long];
        let tasks = (0..).zip(&inputs).map(|(i, input)| Task {
            stdin: Stdin::Bytes(Bytes::from(input.clone())),
            ..task(i)
        });
        let heard = bench
            .run(text, &profile(Entry::Bytes), programs(tasks.collect()))
            .await;
        heard.all_done(3);
        for (i, input) in (0..).zip(inputs) {
            let turned: Vec<u8> = input.into_iter().rev().collect();
            assert_eq!(heard.stdout.get(&i).cloned().unwrap_or_default(), turned);
        }
    });
}
