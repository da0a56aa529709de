//! Connections: ordered bytes until they break, and how they break.

use crate::agenda::{At, Input, MILLI, MachineInput, NodeInput, SECOND};
use crate::stage::Stage;
use pool::Peer;
use pool::codec::Decoder;
use pool::id::MachineId;
use serde::Serialize;

/// A transport that hears nothing gives a connection up after so long.
const IDLE: (At, At) = (10 * SECOND, 40 * SECOND);

#[derive(Debug)]
pub(crate) struct Link {
    machine: usize,
    /// Whose key it was made with.
    pub(crate) id: MachineId,
    machine_life: u32,
    node_life: u32,
    pub(crate) node_open: bool,
    /// Came to the node, and no newer one of the same device before its hello.
    pub(crate) listened_to: bool,
    /// The machine that its hello named, and whether it was welcomed.
    pub(crate) claims: Option<MachineId>,
    pub(crate) welcomed: bool,
    pub(crate) machine_open: bool,
    /// Bytes this way vanish, those on their way too.
    node_hears: bool,
    machine_hears: bool,
    /// When the last of this way arrives: what follows comes after it.
    at_node: At,
    at_machine: At,
    latency: At,
    pub(crate) node_decoder: Decoder,
    pub(crate) machine_decoder: Decoder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// Both hear of it at once; what is on its way is lost.
    Reset,
    /// One direction or both fall silent, and the transports notice in their own time.
    Silent { to_node: bool, to_machine: bool },
}

impl Stage {
    pub(crate) fn link(&mut self, peer: Peer) -> &mut Link {
        let at = usize::try_from(peer.0).expect("few connections");
        self.links.get_mut(at).expect("a peer that was connected")
    }

    pub(crate) fn connect(
        &mut self,
        (machine, id): (usize, MachineId),
        machine_life: u32,
        node_life: u32,
    ) -> Peer {
        let peer = Peer(self.links.len() as u64);
        let latency = self.chance.magnitude(20, self.latency_max);
        let now = self.agenda.now();
        self.links.push(Link {
            machine,
            id,
            machine_life,
            node_life,
            node_open: true,
            listened_to: false,
            claims: None,
            welcomed: false,
            machine_open: true,
            node_hears: true,
            machine_hears: true,
            at_node: now,
            at_machine: now,
            latency,
            node_decoder: Decoder::default(),
            machine_decoder: Decoder::default(),
        });
        self.carry_to_node(peer, NodeInput::Connected { peer });
        peer
    }

    /// The node hears of the connection. It listens to one of each device that
    /// has not said hello, and that is the newest.
    pub(crate) fn comes_to_node(&mut self, peer: Peer) -> MachineId {
        let id = self.link(peer).id;
        let silent = |link: &&mut Link| link.id == id && link.claims.is_none();
        for older in self.links.iter_mut().filter(silent) {
            older.listened_to = false;
        }
        self.link(peer).listened_to = true;
        id
    }

    pub(crate) fn send_to_node(&mut self, peer: Peer, message: &impl Serialize) {
        let mut bytes = Vec::new();
        pool::codec::encode(message, &mut bytes).expect("a worker cuts what does not fit a frame");
        self.send_bytes_to_node(peer, bytes);
    }

    pub(crate) fn send_bytes_to_node(&mut self, peer: Peer, bytes: Vec<u8>) {
        let link = self.link(peer);
        if link.machine_open && link.node_hears {
            self.carry_to_node(peer, NodeInput::Frame { peer, bytes });
        }
    }

    pub(crate) fn send_to_machine(&mut self, peer: Peer, message: &impl Serialize) {
        let mut bytes = Vec::new();
        pool::codec::encode(message, &mut bytes)
            .expect("a coordinator cuts what does not fit a frame");
        let link = self.link(peer);
        if link.node_open && link.machine_hears {
            self.carry_to_machine(peer, MachineInput::Frame { peer, bytes });
        }
    }

    /// The machine ends the connection in good order: the node hears of it
    /// after all that was sent.
    pub(crate) fn close_from_machine(&mut self, peer: Peer) {
        let link = self.link(peer);
        if std::mem::replace(&mut link.machine_open, false) && link.node_hears {
            self.carry_to_node(
                peer,
                NodeInput::Disconnected {
                    peer,
                    timed_out: false,
                },
            );
        }
    }

    /// The same from the other side.
    pub(crate) fn close_from_node(&mut self, peer: Peer) {
        let link = self.link(peer);
        if std::mem::replace(&mut link.node_open, false) && link.machine_hears {
            self.carry_to_machine(peer, MachineInput::Disconnected { peer });
        }
    }

    pub(crate) fn break_link(&mut self, peer: Peer, how: Break) {
        let now = self.agenda.now();
        let (node_hears_of_it, machine_hears_of_it, timed_out) = match how {
            Break::Reset => (
                now + self.chance.below(5 * MILLI),
                now + self.chance.below(5 * MILLI),
                false,
            ),
            Break::Silent { .. } => (
                now + self.chance.between(IDLE.0, IDLE.1),
                now + self.chance.between(IDLE.0, IDLE.1),
                true,
            ),
        };
        let link = self.link(peer);
        match how {
            Break::Reset => (link.node_hears, link.machine_hears) = (false, false),
            Break::Silent {
                to_node,
                to_machine,
            } => {
                link.node_hears &= !to_node;
                link.machine_hears &= !to_machine;
            }
        }
        let (machine, machine_life, node_life) = (link.machine, link.machine_life, link.node_life);
        self.agenda.plan(
            node_hears_of_it,
            Input::Node {
                life: node_life,
                input: NodeInput::Disconnected { peer, timed_out },
            },
        );
        self.agenda.plan(
            machine_hears_of_it,
            Input::Machine {
                machine,
                life: machine_life,
                input: MachineInput::Disconnected { peer },
            },
        );
    }

    /// Whether bytes that arrive at the node now were not lost on their way.
    pub(crate) fn arrives_at_node(&mut self, peer: Peer) -> bool {
        let link = self.link(peer);
        link.node_open && link.node_hears
    }

    pub(crate) fn arrives_at_machine(&mut self, peer: Peer) -> bool {
        let link = self.link(peer);
        link.machine_open && link.machine_hears
    }

    fn carry_to_node(&mut self, peer: Peer, input: NodeInput) {
        let now = self.agenda.now();
        let jitter = self.chance.below(self.jitter_max + 1);
        let link = self.link(peer);
        link.at_node = link.at_node.max(now + link.latency + jitter);
        let (at, life) = (link.at_node, link.node_life);
        self.agenda.plan(at, Input::Node { life, input });
    }

    fn carry_to_machine(&mut self, peer: Peer, input: MachineInput) {
        let now = self.agenda.now();
        let jitter = self.chance.below(self.jitter_max + 1);
        let link = self.link(peer);
        link.at_machine = link.at_machine.max(now + link.latency + jitter);
        let (at, machine, life) = (link.at_machine, link.machine, link.machine_life);
        self.agenda.plan(
            at,
            Input::Machine {
                machine,
                life,
                input,
            },
        );
    }
}
