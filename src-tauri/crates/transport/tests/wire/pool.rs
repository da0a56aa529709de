//! A pool to test with: a CA, a coordinator that listens, and devices.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::{Duration, SystemTime},
};
use tempfile::TempDir;
use transport::{
    Address, Admitted, At, Ca, ConnectError, Connector, DeviceId, EndpointKeys, Identity, Listen,
    Membership, PoolId, PoolListener, Registry, Session, Timing, Uplink, Usage, WindowBudget,
};

/// Far more than anything here takes; only what hangs reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for what must come.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it came to no end")
}

pub(crate) struct Pool {
    pub(crate) id: PoolId,
    pub(crate) ca: Ca,
    pub(crate) coordinator: Device,
    pub(crate) registry: Registry,
    pub(crate) budget: WindowBudget,
    pub(crate) timing: Timing,
    keys: EndpointKeys,
    admitted: Vec<Admitted>,
    folder: TempDir,
}

/// A device's key, and the name it goes by.
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    pub(crate) identity: Identity,
    _folder: TempDir,
}

impl Device {
    pub(crate) fn new(number: u8) -> Device {
        let folder = tempfile::tempdir().unwrap();
        Device {
            id: DeviceId([number; 16]),
            identity: Identity::open(folder.path()).unwrap(),
            _folder: folder,
        }
    }
}

/// A device that belongs to a pool.
pub(crate) struct Member {
    pub(crate) device: Device,
    pub(crate) membership: Membership,
}

impl Pool {
    pub(crate) fn new() -> Pool {
        Pool::numbered(1)
    }

    pub(crate) fn numbered(number: u8) -> Pool {
        let folder = tempfile::tempdir().unwrap();
        let id = PoolId([number; 16]);
        Pool {
            id,
            ca: Ca::open(folder.path(), id, SystemTime::now()).unwrap(),
            coordinator: Device::new(200),
            registry: Registry::new(),
            budget: WindowBudget::new(64 << 20),
            timing: Timing::default(),
            keys: EndpointKeys::open(folder.path()).unwrap(),
            admitted: Vec::new(),
            folder,
        }
    }

    /// A device with a good leaf that the registry does not hold.
    pub(crate) fn stranger(&self, number: u8) -> Member {
        self.member_signed_at(number, SystemTime::now())
    }

    /// The same with a leaf of another day.
    pub(crate) fn member_signed_at(&self, number: u8, now: SystemTime) -> Member {
        let device = Device::new(number);
        let leaf = self.leaf(&device, Usage::Client, now);
        let membership = self.membership(leaf);
        Member { device, membership }
    }

    pub(crate) fn member(&mut self, number: u8) -> Member {
        let member = self.stranger(number);
        self.admit(&member);
        member
    }

    pub(crate) fn admit(&mut self, member: &Member) {
        self.admit_key(Admitted {
            spki: member.device.identity.spki(),
            device: member.device.id,
        });
    }

    pub(crate) fn admit_key(&mut self, admitted: Admitted) {
        self.admitted.push(admitted);
        self.registry.replace(self.admitted.clone());
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn revoke(&mut self, device: DeviceId) {
        self.admitted.retain(|admitted| admitted.device != device);
        self.registry.replace(self.admitted.clone());
    }

    pub(crate) fn leaf(&self, device: &Device, usage: Usage, now: SystemTime) -> Vec<u8> {
        let csr = device.identity.csr();
        self.ca.sign(&csr, device.id, usage, now).unwrap()
    }

    pub(crate) fn membership(&self, leaf: Vec<u8>) -> Membership {
        Membership {
            pool: self.id,
            ca: self.ca.certificate().to_vec(),
            coordinators: vec![self.coordinator.identity.spki()],
            leaf,
        }
    }

    /// The coordinator, listening on a port of its own.
    pub(crate) fn listen(&self) -> PoolListener {
        self.listen_on(0)
    }

    pub(crate) fn listen_on(&self, port: u16) -> PoolListener {
        let leaf = self.leaf(&self.coordinator, Usage::Server, SystemTime::now());
        self.listen_with(port, &self.coordinator.identity, &leaf)
    }

    pub(crate) fn listen_with(&self, port: u16, identity: &Identity, leaf: &[u8]) -> PoolListener {
        let at = At {
            port,
            ..At::any_port(Ipv4Addr::LOCALHOST)
        };
        PoolListener::bind(Listen {
            at,
            pool: self.id,
            ca: self.ca.certificate(),
            identity,
            leaf,
            keys: &self.keys,
            registry: &self.registry,
            budget: &self.budget,
            timing: self.timing,
        })
        .unwrap()
    }

    /// A socket for members.
    pub(crate) fn connector(&self) -> Connector {
        let at = At::any_port(Ipv4Addr::LOCALHOST);
        Connector::bind(&at, &self.budget, self.timing).unwrap()
    }

    /// Connects a member and takes its session.
    pub(crate) async fn connected(
        &self,
        listener: &PoolListener,
        member: &Member,
    ) -> (Session, Uplink) {
        let connector = self.connector();
        let (session, uplink) = soon(async {
            tokio::join!(
                listener.accept(),
                member.connect(&connector, listener.local_addr().unwrap())
            )
        })
        .await;
        (session.unwrap(), uplink.unwrap())
    }
}

impl Member {
    pub(crate) async fn connect(
        &self,
        connector: &Connector,
        to: SocketAddr,
    ) -> Result<Uplink, ConnectError> {
        let addresses = [Address::from(to)];
        soon(connector.connect(&self.device.identity, &self.membership, &addresses)).await
    }
}
