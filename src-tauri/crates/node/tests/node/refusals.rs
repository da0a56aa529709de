//! Wrong requests: a typed error, and nothing accepted.

use crate::harness::Pool;
use crate::jobs::range;
use crate::programs;
use api::{ErrorCode, Fold, InputFile, ModuleRef, Reply, Request, Split, Submit};

/// Submits a changed job and expects this refusal.
async fn check(pool: &Pool, wat: &str, code: ErrorCode, change: impl FnOnce(&mut Submit)) {
    let mut submit = pool.program(wat).await;
    change(&mut submit);
    let error = pool
        .call(Request::Submit(Box::new(submit.clone())))
        .await
        .expect_err(&format!("{submit:?}"));
    assert_eq!(error.code, code, "{error:?} for {submit:?}");
    assert!(
        !error.message.is_empty()
            && !error.message.ends_with("..")
            && !error.message.contains('\n'),
        "{error:?}"
    );
}

#[tokio::test]
async fn every_wrong_request_is_refused_with_its_code() {
    let pool = Pool::new().await;
    let (echo, functions) = (&*programs::echo(), &*programs::functions());
    let lines = Split::Lines {
        blob: pool.upload("a\nb").await,
        per_task: 1,
    };
    let words = Split::Items {
        blob: pool.upload(r#"[1, "x"]"#).await,
    };
    let object = Split::Items {
        blob: pool.upload("{}").await,
    };
    let binary = Split::Lines {
        blob: pool.upload(&b"a\n\xff"[..]).await,
        per_task: 1,
    };
    let args = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();

    check(&pool, "not wasm", ErrorCode::NotWasm, |_| ()).await;
    check(&pool, "", ErrorCode::NotWasm, |_| ()).await;
    check(&pool, "(module", ErrorCode::ModuleInvalid, |_| ()).await;
    check(&pool, "(module)", ErrorCode::NoEntry, |_| ()).await;
    check(&pool, functions, ErrorCode::FunctionNeeded, |_| ()).await;
    check(&pool, functions, ErrorCode::NoSuchFunction, |s| {
        s.invoke = Some("sqare".into())
    })
    .await;
    check(&pool, functions, ErrorCode::WrongArguments, |s| {
        s.invoke = Some("square".into())
    })
    .await;
    check(&pool, functions, ErrorCode::WrongArguments, |s| {
        s.invoke = Some("square".into());
        s.args = args(&["x"]);
    })
    .await;
    check(&pool, functions, ErrorCode::WrongArguments, |s| {
        s.invoke = Some("square".into());
        s.split = words;
    })
    .await;
    check(&pool, echo, ErrorCode::UnknownPlaceholder, |s| {
        s.args = args(&["{idx}"])
    })
    .await;
    check(&pool, echo, ErrorCode::UnknownPlaceholder, |s| {
        s.args = args(&["{line}"])
    })
    .await;
    check(&pool, echo, ErrorCode::BadRange, |s| {
        s.split = range("5", "1", "1")
    })
    .await;
    check(&pool, echo, ErrorCode::BadRange, |s| {
        s.split = range("a", "1", "1")
    })
    .await;
    check(&pool, echo, ErrorCode::TooManyTasks, |s| {
        s.split = range("0", "99999999999", "1")
    })
    .await;
    check(&pool, echo, ErrorCode::BadSplit, |s| s.split = object).await;
    check(&pool, echo, ErrorCode::BadSplit, |s| {
        s.split = binary;
        s.args = args(&["{line}"]);
    })
    .await;
    check(&pool, echo, ErrorCode::Usage, |s| {
        s.stdin = Some("00".into());
        s.split = lines.clone();
    })
    .await;
    check(&pool, echo, ErrorCode::Usage, |s| {
        s.fold = Some(Fold::Kernel)
    })
    .await;
    check(&pool, echo, ErrorCode::Usage, |s| s.client_id = "x".into()).await;
    check(&pool, echo, ErrorCode::Usage, |s| s.priority = 11).await;
    check(&pool, echo, ErrorCode::Usage, |s| {
        s.limits.memory_bytes = Some(1)
    })
    .await;
    check(&pool, echo, ErrorCode::Usage, |s| {
        s.env.insert("SKEP_ITEM".into(), "1".into());
    })
    .await;
    check(&pool, echo, ErrorCode::UnknownParameter, |s| {
        s.params.insert("width".into(), "1".into());
    })
    .await;
    check(&pool, echo, ErrorCode::InputTooLarge, |s| {
        s.args = vec!["x".repeat(70_000)]
    })
    .await;
    check(&pool, echo, ErrorCode::BlobMissing, |s| {
        s.stdin = Some("00".repeat(32))
    })
    .await;
    for name in ["../up", "/abs", "a//b", ""] {
        let blob = pool.upload("x").await;
        check(&pool, echo, ErrorCode::Usage, |s| {
            s.files = vec![InputFile {
                name: name.into(),
                blob,
            }]
        })
        .await;
    }
    for (name, code) in [
        ("nothing", ErrorCode::NoSuchModule),
        ("sample:nothing", ErrorCode::NoSuchModule),
        ("abcd1234", ErrorCode::NoSuchModule),
    ] {
        check(&pool, echo, code, |s| {
            s.module = ModuleRef::Name { name: name.into() }
        })
        .await;
    }
    let Reply::Jobs { jobs, .. } = pool
        .call(Request::Jobs {
            cursor: None,
            limit: 10,
        })
        .await
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(jobs, [], "nothing was accepted");
}

#[tokio::test]
async fn the_same_request_twice_is_one_job() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::hello()).await;
    let first = pool.submit(submit.clone()).await;
    let again = pool
        .call(Request::Submit(Box::new(submit.clone())))
        .await
        .unwrap();
    assert_eq!(
        again,
        Reply::Submitted {
            job: first,
            tasks: 1,
            existed: true
        }
    );
    submit.args.push("other".to_owned());
    let conflict = pool
        .call(Request::Submit(Box::new(submit)))
        .await
        .unwrap_err();
    assert_eq!(conflict.code, ErrorCode::Conflict);
}

#[tokio::test]
async fn things_that_are_not_there() {
    let pool = Pool::new().await;
    let job = |job: &str| Request::Job {
        job: job.to_owned(),
    };
    assert_eq!(
        pool.call(job("last")).await.unwrap_err().code,
        ErrorCode::NoSuchJob
    );
    let submit = pool.program(&programs::hello()).await;
    let one = pool.run(submit).await.done().job.id;
    let submit = pool.program(&programs::hello()).await;
    pool.run(submit).await.done();
    assert_eq!(
        pool.call(job("j_")).await.unwrap_err().code,
        ErrorCode::AmbiguousId
    );
    assert_eq!(
        pool.call(job("zzzzzz1")).await.unwrap_err().code,
        ErrorCode::NoSuchJob
    );
    let task = Request::Task {
        job: one.clone(),
        index: 1,
    };
    assert_eq!(
        pool.call(task).await.unwrap_err().code,
        ErrorCode::NoSuchTask
    );
    let machine = Request::Machine {
        machine: "toaster".to_owned(),
    };
    assert_eq!(
        pool.call(machine).await.unwrap_err().code,
        ErrorCode::NoSuchMachine
    );
    let cancel = Request::Cancel { job: one };
    assert_eq!(
        pool.call(cancel).await.unwrap_err().code,
        ErrorCode::JobEnded
    );
}
