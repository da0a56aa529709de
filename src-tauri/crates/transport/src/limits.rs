//! Every limit of the wire, with its unit and its reason.

use std::{ops::RangeInclusive, time::Duration};

/// The version of what is said on the streams. Both sides tell theirs first.
pub const WIRE_VERSION: u16 = 1;

/// UDP port of the pool's endpoint.
pub const POOL_PORT: u16 = 7537;
/// Where to look when it is taken.
pub const POOL_PORTS_NEXT: RangeInclusive<u16> = 7547..=7557;
/// UDP port of the pairing endpoint.
pub const PAIRING_PORT: u16 = 7538;
/// Where to look when it is taken.
pub const PAIRING_PORTS_NEXT: RangeInclusive<u16> = 7539..=7546;

/// Life of a leaf: short, so that a forgotten revocation ends by itself.
pub const LEAF_LIFE: Duration = Duration::from_secs(14 * DAY);
/// A leaf is valid from so long before it was signed: clocks differ.
pub const LEAF_BEFORE: Duration = Duration::from_secs(5 * 60);
/// So long after its end a known device's leaf still opens a session for
/// renewal, and nothing else.
pub const RENEWAL_GRACE: Duration = Duration::from_secs(365 * DAY);
/// Life of the pool's CA.
pub const CA_LIFE: Duration = Duration::from_secs(3652 * DAY);
const DAY: u64 = 24 * 60 * 60;

/// Bytes of a certificate signing request: ours have about 250.
pub const CSR_BYTES_MAX: usize = 4 << 10;
/// Bytes of a frame that opens a stream.
pub const HEADER_BYTES_MAX: usize = 1 << 10;
/// Bytes of a frame that answers one; a leaf has about 600.
pub const ANSWER_BYTES_MAX: usize = 4 << 10;
/// Bytes of a message of pairing.
pub const PAIRING_MESSAGE_BYTES_MAX: usize = 4 << 10;

/// Streams that a member may have open: a control stream, door streams and
/// the blobs of every core.
pub const STREAMS_MAX: u32 = 64;
/// Unread bytes of one stream.
pub const STREAM_WINDOW: u32 = 1 << 20;
/// Unread bytes of one connection while no blob was granted: a peer that never
/// reads or a coordinator that is slow costs this much.
pub const WINDOW: u32 = 256 << 10;
/// The same while a granted blob arrives: at 40 ms it is 23 MB/s instead of 6.
pub const WINDOW_RAISED: u32 = 8 << 20;
/// What all connections of a process may have above [`WINDOW`] together.
pub const WINDOW_BUDGET: u64 = 256 << 20;
/// Bytes that we keep for a peer until it has acknowledged them.
pub const SEND_WINDOW: u64 = 4 << 20;
/// Bytes of handshake of one connection: a leaf needs about 1,500.
pub const CRYPTO_BYTES_MAX: usize = 16 << 10;
/// Unread bytes on the pairing endpoint.
pub const PAIRING_WINDOW: u32 = 16 << 10;
/// Connections on the pairing endpoint: a few people join at once.
pub const PAIRING_CONNECTIONS_MAX: usize = 32;
/// Socket buffers: QUIC loses what the system has no room for.
pub const SOCKET_BYTES: usize = 4 << 20;

/// Connections that wait to be looked at.
pub const INCOMING_MAX: usize = 1024;
/// Bytes that one of them may send meanwhile.
pub const INCOMING_BYTES: u64 = 64 << 10;
/// Bytes that all of them may send meanwhile.
pub const INCOMING_BYTES_TOTAL: u64 = 16 << 20;
/// Unfinished handshakes from which on a client must prove its address.
pub const UNFINISHED_RETRY: usize = 64;
/// Unfinished handshakes from which on others wait; each costs 50 KiB.
pub const UNFINISHED_MAX: usize = 256;
/// The same from one address.
pub const UNFINISHED_PER_ADDRESS_MAX: usize = 128;

/// Clients that wait for a place among them; the next are not answered. Each
/// costs a packet or two, and quinn keeps [`INCOMING_MAX`] at most.
pub const WAITING_MAX: usize = 768;

/// A connection without a packet for so long has timed out.
pub const IDLE: Duration = Duration::from_secs(20);
/// A member sends something at least so often.
pub const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// From the first packet to the end of the handshake; quinn has no limit.
pub const HANDSHAKE: Duration = Duration::from_secs(5);
/// From the opening of a stream to its complete header.
pub const HEADER: Duration = Duration::from_secs(5);
/// A peer that takes nothing for so long has its stream reset.
pub const WRITE: Duration = Duration::from_secs(30);
/// How long to wait for an answer that needs the other's disk, and over which
/// the slowest allowed stream is measured.
pub const SLOW: Duration = Duration::from_secs(30);
/// A blob that arrives slower than this over [`SLOW`] is given up.
pub const SLOW_BYTES_PER_SECOND: u64 = 1 << 10;
/// How long a member tries one address.
pub const CONNECT: Duration = Duration::from_secs(10);
/// After so long without an answer the next address is tried beside it.
pub const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// How long a graceful end waits for the peers to know.
pub const GOODBYE: Duration = Duration::from_secs(3);

/// Streams that a peer may reset or break in a second.
pub const RESETS_PER_SECOND: u64 = 200;

/// Bytes of a blob gathered before they are handed on: a packet at a time
/// costs three quarters of the throughput.
pub const PIECE_BYTES: usize = 256 << 10;
/// Small chunks are written together up to this many bytes.
pub const WRITE_BYTES: usize = 64 << 10;
