//! 0.2 components with a command.

use bytes::Bytes;
use sandbox::{
    End, Entry, Profile, Stdin, Task,
    inspect::{Kind, Verdict, inspect},
};

use crate::harness::{digest, hear, profile, programs, story, task};

/// A component whose `run` is this core function.
fn component(body: &str) -> String {
    format!(
        r#"(component
  (core module $m (func (export "run") (result i32) {body}))
  (core instance $i (instantiate $m))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))"#
    )
}

fn on_demand() -> Profile {
    Profile {
        on_demand: true,
        ..profile(Entry::Command)
    }
}

#[test]
fn a_command_runs_and_says_how_it_went() {
    story(|bench| async move {
        let tasks = || programs((0..10).map(task).collect());
        bench
            .run(&component("(i32.const 0)"), &on_demand(), tasks())
            .await
            .all_done(10);
        let heard = bench
            .run(&component("(i32.const 1)"), &on_demand(), tasks())
            .await;
        assert!(
            heard.ends.values().all(|end| *end == End::Exit { code: 1 }),
            "{heard:?}"
        );
        let heard = bench
            .run(&component("unreachable"), &on_demand(), tasks())
            .await;
        assert!(
            heard
                .ends
                .values()
                .all(|end| matches!(end, End::Trap { .. })),
            "{heard:?}"
        );
        assert!(heard.gone.is_none(), "traps cost no process");
    });
}

#[test]
fn a_component_writes_to_its_streams() {
    story(|bench| async move {
        let text = r#"(component
  (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $e))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (alias outer 1 $e (type $e'))
    (export "error" (type $error (eq $e')))
    (type $stream-error' (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $stream-error')))
    (export "output-stream" (type $out (sub resource)))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $out)) (param "contents" (list u8)) (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $out))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $out (type $o))
    (export "output-stream" (type $oo (eq $o)))
    (export "get-stdout" (func (result (own $oo))))))
  (core module $memory (memory (export "memory") 1))
  (core instance $mem (instantiate $memory))
  (core func $get (canon lower (func $stdout "get-stdout")))
  (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory (core memory $mem "memory"))))
  (core module $m
    (import "w" "get" (func $get (result i32)))
    (import "w" "write" (func $write (param i32 i32 i32 i32)))
    (import "w" "memory" (memory 1))
    (data (i32.const 64) "from a component\n")
    (func (export "run") (result i32)
      (call $write (call $get) (i32.const 64) (i32.const 17) (i32.const 0))
      (i32.load8_u (i32.const 0))))
  (core instance $i (instantiate $m (with "w" (instance
    (export "get" (func $get)) (export "write" (func $write)) (export "memory" (memory $mem "memory"))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))"#;
        let heard = bench
            .run(text, &on_demand(), programs(vec![task(0), task(1)]))
            .await;
        heard.all_done(2);
        assert_eq!(heard.text(0), "from a component\n");
        assert_eq!(heard.text(1), "from a component\n");
    });
}

#[test]
fn a_missing_import_is_named() {
    story(|bench| async move {
        let text = r#"(component
  (import "acme:moon/launch@1.0.0" (instance $moon (export "go" (func))))
  (core module $m (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))"#;
        let heard = bench.run(text, &on_demand(), programs(vec![task(0)])).await;
        assert!(
            matches!(&heard.ends[&0], End::LinkError { message } if message.contains("acme:moon/launch")),
            "{heard:?}"
        );
    });
}

/// How it was made is told beside it.
const GREET: &[u8] = include_bytes!("../fixtures/greet.component.wasm");

#[test]
fn a_component_that_a_compiler_made_runs() {
    let card = inspect(GREET);
    assert!(matches!(card.verdict, Verdict::Run), "{:?}", card.verdict);
    assert_eq!(card.kind, Kind::Wasi02Command);
    story(|bench| async move {
        let module = Bytes::from_static(GREET);
        let prepared = bench
            .sandbox
            .prepare(digest(GREET), module, &on_demand())
            .await
            .expect("it compiles");
        let mut executor = bench.sandbox.spawn(&prepared).await.expect("an executor");
        let greets = |index: u64, code: Option<&str>| {
            let mut env = vec![("SKEP_TASK_INDEX".to_owned(), index.to_string())];
            env.extend(code.map(|code| ("EXIT_CODE".to_owned(), code.to_owned())));
            Task {
                argv: Some(["greet", "Grüße", "you"].map(str::to_owned).to_vec()),
                env,
                stdin: Stdin::Bytes(Bytes::from_static("skep\nWabe".as_bytes())),
                ..task(index)
            }
        };
        let tasks = vec![greets(0, None), greets(1, Some("3")), greets(2, Some("0"))];
        executor.send(programs(tasks)).await.expect("taken");
        let heard = hear(&mut executor, 1).await;
        for index in 0..3 {
            assert_eq!(
                heard.text(index),
                format!("Grüße you from task {index}\npeks\nebaW\n")
            );
            assert_eq!(heard.stderr[&index], b"2 lines\n");
        }
        // WASI 0.2 knows whether a program failed, and not its number.
        let codes = [0, 1, 0].map(|code| End::Exit { code });
        assert!(heard.ends.values().eq(&codes), "{:?}", heard.ends);
    });
}
