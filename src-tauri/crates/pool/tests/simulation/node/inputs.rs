//! What reaches the node: bytes, timers, finished chores, and what people ask.

use super::notes::{asked, shortly};
use super::*;

impl Node {
    pub(super) fn take(
        &mut self,
        stage: &mut Stage,
        model: &mut Model,
        input: NodeInput,
        batch: &mut Batch,
    ) {
        let now = self.now(stage);
        let Some(process) = &mut self.process else {
            return;
        };
        let coordinator = &mut process.coordinator;
        match input {
            NodeInput::Connected { peer } => {
                if stage.arrives_at_node(peer) {
                    let device = stage.comes_to_node(peer).device();
                    coordinator.handle_connected(now, peer, device);
                }
            }
            NodeInput::Frame { peer, bytes } => {
                if !stage.arrives_at_node(peer) {
                    return;
                }
                let decoder = &mut stage.link(peer).node_decoder;
                decoder.push(&bytes);
                match decoder.decode::<ToCoordinator>() {
                    Ok(Some(message)) if names_unknown_blob(stage, &message) => {
                        // A result's blobs come before it, or it does not count.
                        tell!(
                            stage,
                            "node closes p{}: a result names a blob that is not here",
                            peer.0
                        );
                        stage.close_from_node(peer);
                        coordinator.handle_disconnected(now, peer, false);
                    }
                    Ok(Some(message)) => {
                        tell!(stage, "node <- p{} {}", peer.0, shortly(&message));
                        let link = stage.link(peer);
                        // Who speaks before the hello is not listened to any more.
                        link.listened_to &=
                            link.claims.is_some() || matches!(message, ToCoordinator::Hello(_));
                        if link.listened_to {
                            model.hears(&self.disk, stage.link(peer).id, &message);
                        }
                        match &message {
                            ToCoordinator::Hello(hello) => {
                                stage.link(peer).claims = Some(hello.machine);
                                self.offers.insert(peer, Offer::of(&hello.state))
                            }
                            ToCoordinator::Heartbeat(heartbeat) => {
                                self.offers.insert(peer, Offer::of(heartbeat))
                            }
                            ToCoordinator::Results(_)
                            | ToCoordinator::Output(_)
                            | ToCoordinator::Return(_)
                            | ToCoordinator::Goodbye
                            | ToCoordinator::Health(_)
                            | ToCoordinator::Stock(_) => None,
                        };
                        if let ToCoordinator::Hello(hello) = &message
                            && hello.machine == stage.link(peer).id
                        {
                            batch.effects.push(Effect::Greeted(hello.machine));
                        }
                        coordinator.handle_message(now, peer, message);
                    }
                    // The rest of a frame whose length a liar has changed.
                    Ok(None) => {}
                    Err(error) => {
                        tell!(stage, "node closes p{}: {error}", peer.0);
                        stage.close_from_node(peer);
                        coordinator.handle_disconnected(now, peer, false);
                    }
                }
            }
            NodeInput::Disconnected { peer, timed_out } => {
                if std::mem::replace(&mut stage.link(peer).node_open, false) {
                    tell!(
                        stage,
                        "node hears that p{} is gone (timed out: {timed_out})",
                        peer.0
                    );
                    coordinator.handle_disconnected(now, peer, timed_out);
                }
            }
            NodeInput::ChoreDone(done) => {
                tell!(stage, "node has done {done:?}");
                match &done {
                    ChoreDone::Folded { job, result, .. } => {
                        batch.effects.push(Effect::Folded(*job, result.clone()))
                    }
                    ChoreDone::FoldInput {
                        job,
                        result: Ok(digest),
                        ..
                    } => batch.effects.push(Effect::Assembled(*job, *digest)),
                    ChoreDone::FoldInput { .. } | ChoreDone::BlobsListed { .. } => {}
                }
                coordinator.handle_chore_done(now, done);
            }
            NodeInput::Timer { .. } => {
                model.looks_at_timers(&self.disk);
                coordinator.handle_timeout(now);
            }
            NodeInput::Turn | NodeInput::Committed | NodeInput::TryDiskAgain | NodeInput::Stop => {}
        }
    }

    pub(super) fn obey(
        &mut self,
        stage: &mut Stage,
        (story, device): (usize, Option<DeviceId>),
        authored: Option<Box<Authored>>,
        command: Command,
        batch: &mut Batch,
    ) {
        let now = self.now(stage);
        let Some(process) = &mut self.process else {
            return;
        };
        let coordinator = &mut process.coordinator;
        tell!(stage, "story {story} asks {}", asked(&command));
        if let (Some(device), Some(job)) = (device, command.job()) {
            // As a driver looks before it does anything for somebody.
            let caller = coordinator.caller(device);
            if !caller.is_some_and(|caller| coordinator.may(&caller, job)) {
                let unknown = Err(pool::CommandError::UnknownJob);
                return batch.replies.push((story, Reply::Done(command, unknown)));
            }
            batch.effects.push(Effect::Steered(device, job));
        }
        let result = match &command {
            Command::Submit(submit) => {
                // The driver stores what a job names before it submits.
                stage
                    .blobs
                    .extend(submit.spec.inputs.iter().chain([&submit.spec.module]));
                let result = coordinator.submit(now, (**submit).clone());
                if let (Ok(submitted), Some(authored)) = (&result, authored)
                    && !submitted.existed
                {
                    batch.effects.push(Effect::Accept {
                        job: submitted.job,
                        authored,
                        client_living: submit.client_living,
                    });
                }
                batch
                    .replies
                    .push((story, Reply::Submitted(submit.client, result)));
                return;
            }
            Command::Steer(machine, steering) => {
                let result = steering.carry_out(coordinator, now, *machine);
                if result.is_ok() {
                    let until = steering.until(now.moment);
                    let effect = Effect::Steer(*machine, steering.clone(), until);
                    batch.effects.push(effect);
                }
                batch.replies.push((story, Reply::Steered(result)));
                return;
            }
            Command::Cancel(job) => coordinator.cancel(now, *job),
            Command::Read(_) => Ok(()),
            Command::Gate(knock) => {
                let answer = process.knock(now, knock, batch);
                return batch.replies.push((story, Reply::Gate(answer)));
            }
            Command::Release(job) => {
                batch.effects.push(Effect::Release(*job));
                coordinator.release(now, *job)
            }
            Command::Retry(job, changes) => {
                let result = coordinator.retry(now, *job, *changes);
                if result.is_ok() {
                    batch.effects.push(Effect::Retry(*job, *changes));
                }
                result
            }
            Command::Forget(job) => {
                let result = coordinator.forget(now, *job);
                if result.is_ok() {
                    batch.effects.push(Effect::Forget(*job));
                }
                result
            }
            Command::Follow(job, follower) => {
                batch.effects.push(Effect::Follow(*job, *follower));
                coordinator.follow(now, *job, *follower)
            }
            Command::Unfollow(job, follower) => {
                batch.effects.push(Effect::Unfollow(*job, *follower));
                coordinator.unfollow(now, *job, *follower);
                Ok(())
            }
            Command::Left(job) => {
                batch.effects.push(Effect::Left(*job));
                coordinator.submitter_left(now, *job);
                Ok(())
            }
            Command::Drain => {
                coordinator.drain(now);
                let at = stage.agenda.now() + DRAIN;
                stage.agenda.plan(
                    at,
                    Input::Node {
                        life: self.life,
                        input: NodeInput::Stop,
                    },
                );
                Ok(())
            }
            Command::HoldBlob(named) => {
                stage.blobs.insert(*named);
                coordinator.hold_blob(*named);
                batch.effects.push(Effect::Hold(*named));
                Ok(())
            }
            Command::ReleaseBlob(named) => {
                coordinator.release_blob(*named);
                batch.effects.push(Effect::LetGo(*named));
                Ok(())
            }
        };
        batch.replies.push((story, Reply::Done(command, result)));
    }
}

impl Offer {
    fn of(heartbeat: &Heartbeat) -> Offer {
        Offer {
            slots: heartbeat.slots,
            memory_bytes: heartbeat.memory_bytes,
        }
    }
}

fn names_unknown_blob(stage: &Stage, message: &ToCoordinator) -> bool {
    let ToCoordinator::Results(results) = message else {
        return false;
    };
    let Reports::Each(each) = &results.reports else {
        return false;
    };
    each.iter()
        .flat_map(blobs_of)
        .any(|blob| !stage.blobs.contains(&blob))
}
