//! Moves bytes between the machines of a pool, and only between them.
//!
//! It has the keys, the pool's certificates, mutual TLS over QUIC and the
//! streams of a session. It never decides who belongs to the pool: it asks the
//! [`Registry`], a snapshot that its caller replaces. It never looks into what
//! it moves: pool frames, blobs and requests of the door are bytes here.
//!
//! A coordinator listens with a [`PoolListener`] and gets a [`Session`] for each
//! device that was admitted. A member dials with a [`Connector`] and gets an
//! [`Uplink`]. Streams are opened by the member only.
#![forbid(unsafe_code)]

pub mod discovery;
pub mod endpoint;
pub mod identity;
pub mod limits;
mod names;
pub mod pairing;
mod registry;
pub mod session;
mod tls;

pub use endpoint::{
    Address, AddressError, At, BindError, ConnectError, Connector, Listen, PairingConnector,
    PairingError, PairingListener, PairingStream, PoolListener, Timing,
};
pub use identity::{
    Ca, EndpointKeys, Identity, KeyError, Leaf, LeafError, Membership, SignError, Usage, renew_due,
};
pub use names::{DeviceId, NameError, PoolId, Spki};
pub use registry::{Admitted, Registry};
pub use session::{
    CloseReason, Closed, Fetch, Incoming, Offer, Offered, Outgoing, Receiver, Refusal, Renewal,
    Request, SendFromError, Sender, Session, StreamError, Uplink, Verdict, WindowBudget,
};
pub use tls::{Refused, Unusable};
