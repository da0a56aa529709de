//! The settings that the shell itself acts on, read at the door like any
//! client's.

use crate::reach::Reach;
use api::{Reply, Request};

/// A setting's value, as it would stand in the file.
pub(crate) async fn text(reach: &Reach, key: &str) -> Option<String> {
    let request = Request::Config {
        key: Some(key.to_owned()),
    };
    let Reply::Config { values } = reach.call(request, None).await.ok()?.reply else {
        return None;
    };
    values.into_iter().next().map(|value| value.value)
}

/// Whether a switch is on; one that cannot be read is as it ships.
pub(crate) async fn is_on(reach: &Reach, key: &str) -> bool {
    text(reach, key).await.as_deref() != Some("false")
}

/// Writes a value that the person did not choose: where it cannot be written,
/// the log says so and nobody is bothered.
pub(crate) async fn set(reach: &Reach, key: &str, value: &str) {
    let request = Request::SetConfig {
        key: key.to_owned(),
        value: Some(value.to_owned()),
    };
    if let Err(error) = reach.call(request, None).await {
        tracing::warn!(%error, key, "a setting was not kept");
    }
}
