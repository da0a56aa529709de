//! Which network mDNS is spoken in.

use super::error::DiscoveryError;
use super::list::leads_elsewhere;
use mdns_sd::{IfKind, IfPredicate, MDNS_PORT, ServiceDaemon};
use std::net::IpAddr;
use std::sync::mpsc;
use std::time::Duration;

/// What we call ourselves in it.
pub(super) const SERVICE: &str = "_skep._udp.local.";

/// How long mDNS's own thread may take to answer a question about itself.
const THREAD_ANSWERS: Duration = Duration::from_secs(5);

/// The network around, or, for tests, this machine's own at another port.
#[derive(Clone, Copy, Debug)]
pub(super) struct Net {
    pub(super) port: u16,
    pub(super) loopback: bool,
}

/// An address of an interface of this machine.
#[derive(Clone, Debug)]
pub(super) struct Local {
    pub(super) name: String,
    pub(super) index: u32,
    pub(super) address: IpAddr,
}

impl Net {
    pub(super) const AROUND: Net = Net {
        port: MDNS_PORT,
        loopback: false,
    };

    /// mDNS, on this network's interfaces only.
    pub(super) fn start(self) -> Result<ServiceDaemon, DiscoveryError> {
        let daemon = ServiceDaemon::new_with_port(self.port).map_err(DiscoveryError::Start)?;
        let chosen = if self.loopback {
            daemon
                .disable_interface(IfKind::All)
                .and_then(|()| daemon.enable_interface(IfKind::LoopbackV4))
        } else {
            daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])
        };
        chosen.map_err(DiscoveryError::Start)?;
        Ok(daemon)
    }

    /// The addresses that this network's interfaces have now. mDNS reads them
    /// from the system and shows them to whoever wants to choose; nothing is
    /// chosen here.
    pub(super) fn locals(self) -> Result<Vec<Local>, DiscoveryError> {
        let daemon = self.start()?;
        let (seen, all) = mpsc::channel();
        let look = IfPredicate::new(move |interface| {
            // Nobody listens any more when mDNS looks again, later.
            let _ = seen.send(Local {
                name: interface.name.clone(),
                index: interface.index.unwrap_or_default(),
                address: interface.ip(),
            });
            false
        });
        daemon
            .enable_interface(IfKind::Predicate(look))
            .and_then(|()| daemon.status())
            .map_err(DiscoveryError::Start)?
            // Its thread answers in turn: it has looked when this comes.
            .recv_timeout(THREAD_ANSWERS)
            .map_err(|_| DiscoveryError::Stopped(mdns_sd::Error::DaemonShutdown))?;
        let _ = daemon.shutdown();
        let ours = |local: &Local| self.reaches(&local.address);
        Ok(all.try_iter().filter(ours).collect())
    }

    /// Whether something at this address is in this network.
    pub(super) fn reaches(self, ip: &IpAddr) -> bool {
        if self.loopback {
            return ip.is_loopback() && ip.is_ipv4();
        }
        leads_elsewhere(ip)
    }
}
