//! Receiving the two descriptors that come with the first frame.

use std::{fs::File, io, io::IoSliceMut, mem::MaybeUninit};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use sandbox::frames::Inbox;

/// Waits for the first bytes and the descriptors that came with them: the
/// module's code, and the page shared with the parent.
pub(crate) fn descriptors(socket: &File, inbox: &mut Inbox) -> io::Result<[File; 2]> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let mut pieces = [IoSliceMut::new(inbox.spare())];
        match recvmsg(socket, &mut pieces, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(received) => break received.bytes,
        }
    };
    inbox.filled(received);
    let mut rights = ancillary.drain().filter_map(|message| {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            Some(descriptors)
        } else {
            None
        }
    });
    let mut files = rights.next().into_iter().flatten().map(File::from);
    match (files.next(), files.next()) {
        (Some(code), Some(page)) => Ok([code, page]),
        (_, _) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "two descriptors were expected",
        )),
    }
}
