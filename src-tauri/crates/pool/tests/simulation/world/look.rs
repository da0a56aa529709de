//! A look at everything, where all that was decided is durable.

use super::*;

impl World {
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
        self.model.check_losses(&mut self.stage, coordinator);
        self.model.check_at_rest(&mut self.stage, &self.node.disk);
        self.node.must_come_back_as(&mut self.stage, coordinator);
    }
}
