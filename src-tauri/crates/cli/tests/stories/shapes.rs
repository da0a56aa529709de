//! The documents that `--json` prints: which fields they have and of what
//! kind. They are promised to stay, so a change here is a change of contract.

use crate::harness::Home;
use crate::programs;
use serde_json::{Map, Value};

/// A document with its values' kinds in their places.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(number) if number.is_f64() => "number".into(),
        Value::Number(_) => "integer".into(),
        Value::String(_) => "string".into(),
        Value::Array(values) => values.first().map(shape).into_iter().collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                // States and the like are words of the contract themselves.
                let word = [
                    "state", "verdict", "layer", "code", "kind", "schema", "type",
                ]
                .contains(&name.as_str());
                // Not every machine has what these are read from.
                if ["on_battery", "temperature_c"].contains(&name.as_str()) {
                    return (name.clone(), "where known".into());
                }
                (
                    name.clone(),
                    if word && !value.is_object() {
                        value.clone()
                    } else {
                        shape(value)
                    },
                )
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

fn shown(home: &Home, args: &[&str]) -> String {
    let document = home.json(args);
    assert_eq!(document["schema"], 1, "{args:?}: {document}");
    format!("skep {}\n{:#}", args.join(" "), shape(&document))
}

#[test]
fn documents_keep_their_shapes() {
    let home = Home::new();
    let hello = home.file("hello.wat", programs::hello());
    let functions = home.file("functions.wat", programs::functions());
    let mut documents = vec![
        shown(&home, &["status"]),
        shown(&home, &["job", "ls"]),
        shown(&home, &["machine", "ls"]),
    ];
    let run = home.json(&["run", &hello]);
    assert_eq!(run["results"][0]["text"], "hello\n");
    documents.push(format!("skep run hello.wat\n{:#}", shape(&run)));
    let fold = home.json(&[
        "map", &functions, "--range", "0..3", "--invoke", "square", "--fold", "sum",
    ]);
    documents.push(format!(
        "skep map functions.wat --range 0..3 --invoke square --fold sum\n{:#}",
        shape(&fold)
    ));
    let node = home.coordinator(&[]);
    let detached = home.json(&["run", "-d", &hello]);
    documents.push(format!("skep run -d hello.wat\n{:#}", shape(&detached)));
    home.json(&["job", "wait", "last"]);
    for args in [
        &["status"][..],
        &["job", "ls"],
        &["job", "show", "last"],
        &["job", "results", "last"],
        &["job", "logs", "last"],
        &["task", "ls", "last"],
        &["task", "show", "last", "0"],
        &["task", "logs", "last", "0"],
        &["ps"],
        &["machine", "ls"],
        &["contribute", "status"],
        &["contribute", "off"],
        &["contribute", "on"],
        &["config", "get", "limits.memory"],
        &["config", "set", "limits.memory", "1GiB"],
        &["config", "explain", "limits.memory"],
        &["config", "path"],
        &["doctor"],
        &["logs", "--job", "last", "-n", "1"],
        &["version"],
        &["help", "errors"],
        &["completions", "bash"],
        &["man", "ps"],
        &["report", "-o", "report.zip"],
        &["report", "--preview"],
        &["job", "rm", "last"],
        &["pool", "create", "home lab"],
        &["pool", "status"],
        &["pool", "invite"],
        &["pool", "invite", "ls"],
        &["pool", "device", "ls"],
    ] {
        documents.push(shown(&home, args));
    }
    // Another one each time, and no word of the contract.
    let mut code = home.json(&["pool", "code"]);
    code["code"] = "XXXX-XXXX".into();
    documents.push(format!("skep pool code\n{:#}", shape(&code)));
    assert!(node.stop().success());
    let card = home.json(&["module", "inspect", &functions]);
    documents.push(format!(
        "skep module inspect functions.wat\n{:#}",
        shape(&card)
    ));
    let pushed = home.json(&["module", "push", &hello, "--name", "hi"]);
    documents.push(format!(
        "skep module push hello.wat --name hi\n{:#}",
        shape(&pushed)
    ));
    documents.push(shown(&home, &["module", "ls"]));
    documents.push(shown(&home, &["module", "rm", "hi"]));
    insta::assert_snapshot!(documents.join("\n\n"));
}

#[test]
fn errors_are_objects_of_three_fields() {
    let home = Home::new();
    let outcome = home.run(&["--json", "job", "show", "nothing"]);
    let error: Value = serde_json::from_str(&outcome.stderr).unwrap();
    let error = error["error"].as_object().unwrap();
    assert_eq!(
        error.keys().collect::<Vec<_>>(),
        ["code", "message", "hint"]
    );
    assert_eq!(outcome.stdout, b"");
}
