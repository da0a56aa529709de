//! Documents for programs: the door's views with times as RFC 3339.

use api::Error;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Of every document; raised when one changes its meaning.
pub(crate) const SCHEMA: u32 = 1;

/// Moments in views; other numbers that end in `_ms` are durations and stay.
const MOMENTS: [&str; 12] = [
    "accepted_ms",
    "started_ms",
    "ended_ms",
    "pushed_ms",
    "last_seen_ms",
    "paused_until_ms",
    "time_ms",
    "joined_ms",
    "revoked_ms",
    "asked_ms",
    "created_ms",
    "expires_ms",
];

/// A document with one field.
pub(crate) fn document(name: &str, value: &impl Serialize) -> Value {
    json!({ "schema": SCHEMA, name: view(value) })
}

/// A document that is the view itself.
pub(crate) fn flat(value: &impl Serialize) -> Value {
    let mut whole = Map::from_iter([("schema".to_owned(), SCHEMA.into())]);
    if let Value::Object(fields) = view(value) {
        whole.extend(fields);
    }
    Value::Object(whole)
}

/// A view as it is written in documents.
pub(crate) fn view(value: &impl Serialize) -> Value {
    // Views are plain data: only a map with keys that are no strings would fail.
    moments(serde_json::to_value(value).unwrap_or(Value::Null))
}

pub(crate) fn error(error: &Error) -> Value {
    json!({ "error": { "code": error.code.as_str(), "message": error.message, "hint": error.hint } })
}

fn moments(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| {
                    if MOMENTS.contains(&name.as_str()) {
                        (
                            name.trim_end_matches("_ms").to_owned(),
                            value.as_i64().map(super::words::moment).into(),
                        )
                    } else {
                        (name, moments(value))
                    }
                })
                .collect(),
        ),
        Value::Array(values) => Value::Array(values.into_iter().map(moments).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn moments_are_rfc_3339_and_durations_stay_numbers() {
        let view = json!({ "ended_ms": null, "started_ms": 1_795_258_800_500_i64, "run_ms": 1.5, "deep": [{ "time_ms": 0 }] });
        assert_eq!(
            super::view(&view),
            json!({ "ended": null, "started": "2026-11-21T11:00:00.5Z", "run_ms": 1.5, "deep": [{ "time": "1970-01-01T00:00:00Z" }] })
        );
    }
}
