//! A look at everything, where all that was decided is durable.

use super::*;
use crate::likeness::LOOKED_AT;

impl World {
    /// I14: where no machine, connection or executor was lost, no task counts a loss.
    fn charged_for_nothing(&self, coordinator: &Coordinator) -> Option<String> {
        let lies = self.machines.iter().any(|machine| machine.lies);
        let kills =
            |story: &Story| story.authored.workload.poison + story.authored.workload.kills_once > 0;
        if lies
            || self.stage.lost_something
            || self.has(Fault::OldBackup)
            || self.stories.iter().any(kills)
        {
            return None;
        }
        let mut tasks = coordinator
            .jobs()
            .filter(|view| view.total <= LOOKED_AT)
            .flat_map(|view| coordinator.tasks(view.id, 0, LOOKED_AT));
        tasks
            .find(|task| task.losses > 0)
            .map(|task| format!("I14: nothing was lost, and a task counts it: {task:?}"))
    }

    /// I27 and the states of all jobs, where everything decided is durable.
    pub(super) fn look(&mut self) {
        if !self.node.is_at_rest() {
            return;
        }
        let Some(coordinator) = self.node.coordinator() else {
            return;
        };
        for view in coordinator.jobs() {
            self.model.viewed(&mut self.stage, &view);
        }
        if let Some(charged) = self.charged_for_nothing(coordinator) {
            self.stage.accuse(charged);
        }
        self.model.check_at_rest(&mut self.stage, &self.node.disk);
        self.node.must_come_back_as(&mut self.stage, coordinator);
    }
}
