//! Modules by name, and what is said of them.

use crate::harness::Pool;
use crate::programs;
use api::{ErrorCode, ModuleRef, Reply, Request, Verdict};

#[tokio::test]
async fn a_pushed_module_runs_by_its_name_and_by_its_hash() {
    let pool = Pool::new().await;
    let blob = pool.upload(programs::hello()).await;
    let Reply::Module(module) = pool
        .call(Request::PushModule {
            name: "greet".to_owned(),
            blob,
        })
        .await
        .unwrap()
    else {
        panic!()
    };
    let pool = pool.restart().await;
    for name in ["greet", &module.hash, &module.hash[..8]] {
        let mut submit = pool.program("(module)").await;
        submit.module = ModuleRef::Name {
            name: name.to_owned(),
        };
        assert_eq!(pool.run(submit).await.done().stdout, b"hello\n", "{name}");
    }
    pool.call(Request::RemoveModule {
        name: "greet".to_owned(),
    })
    .await
    .unwrap();
    let again = pool
        .call(Request::RemoveModule {
            name: "greet".to_owned(),
        })
        .await
        .unwrap_err();
    assert_eq!(again.code, ErrorCode::NoSuchModule);
}

#[tokio::test]
async fn a_card_says_what_a_module_is() {
    let pool = Pool::new().await;
    let inspect = async |wat: &str| {
        let blob = pool.upload(wat.to_owned()).await;
        match pool
            .call(Request::Inspect {
                module: ModuleRef::Blob { blob },
            })
            .await
            .unwrap()
        {
            Reply::Card(card) => *card,
            other => panic!("{other:?}"),
        }
    };
    let card = inspect(&programs::functions()).await;
    assert_eq!(card.verdict, Verdict::RunFunctions);
    assert!(
        card.functions
            .iter()
            .any(|function| function.name == "square")
    );
    let card = inspect("not wasm at all").await;
    assert!(matches!(card.verdict, Verdict::Refuse(error) if error.code == ErrorCode::NotWasm));
}
