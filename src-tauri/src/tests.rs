//! Jobs and machines for the tests of the pure parts.

use api::{Contribution, JobState, JobView, MachineState, MachineView, TaskCounts};

pub(crate) fn job(name: &str, state: JobState) -> JobView {
    serde_json::from_value(serde_json::json!({
        "id": format!("j_{name}"), "name": name, "state": state,
        "tasks": TaskCounts { total: 100, queued: 0, running: 0, done: 61, failed: 1, cancelled: 0, cached: 0 },
        "machines": ["heron"], "module": "", "module_name": name, "priority": 0,
        "accepted_ms": 0, "trial": false, "command": "", "params": {}, "explores": false,
    }))
    .expect("a job as the door would send it")
}

pub(crate) fn machine(state: MachineState) -> MachineView {
    serde_json::from_value(serde_json::json!({
        "id": "m_heron", "name": "heron", "state": state, "reason": "",
        "cores": 16, "cores_working": 0, "cpu": null,
        "memory": { "total": 0, "used": 0, "offered": 0 },
        "os": "", "version": "", "last_seen_ms": 0,
        "processor": "", "core_loads": [], "tasks_today": 0,
    }))
    .expect("a machine as the door would send it")
}

pub(crate) fn contribution(on: bool, reason: &str) -> Contribution {
    serde_json::from_value(serde_json::json!({
        "on": on, "reason": reason, "cores": 12, "cores_given": 12, "memory_bytes": 0,
        "state": "ready", "paused": false, "idle_source": "", "rules": [],
    }))
    .expect("a contribution as the door would send it")
}
