//! The master key, where it comes from, and the keys derived from it.

use std::{
    fmt, fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use aes_gcm::{Aes256Gcm, KeyInit};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use rand::{TryRng, rngs::SysRng};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of the master key and of every key derived from it.
const KEY_BYTES: usize = 32;
/// Longest key file that is read: 64 hexadecimal digits and a line end.
const FILE_BYTES: u64 = 66;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("key file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not 64 hexadecimal digits.
    #[error("key file {path} does not hold 64 hexadecimal digits")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// Everybody on the machine may read the file, or write it.
    #[error("key file {path} is open to everybody: take the permissions of others away")]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// The operating system gave no random bytes.
    #[error("no random bytes for a key: {0}")]
    Random(String),
}

/// The keys that protect personal data at rest.
///
/// One 32-byte master key, held in a file of 64 hexadecimal digits. Every use derives its own key
/// from it with HKDF-SHA256 (RFC 5869, expand only: the master key is uniformly random), so that
/// the key of one purpose tells nothing of another's. The key id is derived too; it stands in
/// each ciphertext and tells a wrong key from a damaged field.
pub struct KeyRing {
    master: Zeroizing<[u8; KEY_BYTES]>,
    id: u32,
    pub(super) cipher: Aes256Gcm,
}

impl KeyRing {
    /// Reads the master key from a file.
    ///
    /// Errors: the file is missing, malformed, or open to everybody.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let failed = |source| KeyFileError::Io {
            path: path.to_owned(),
            source,
        };
        let malformed = || KeyFileError::Malformed {
            path: path.to_owned(),
        };
        let file = fs::File::open(path).map_err(failed)?;
        if open_to_everybody(&file.metadata().map_err(failed)?) {
            return Err(KeyFileError::Open {
                path: path.to_owned(),
            });
        }
        // Capacity for all of it, so that no half-read copy is left behind by a reallocation.
        let mut text = Zeroizing::new(Vec::with_capacity(FILE_BYTES as usize + 1));
        file.take(FILE_BYTES + 1)
            .read_to_end(&mut text)
            .map_err(failed)?;
        let mut master = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(text.trim_ascii_end(), master.as_mut_slice())
            .map_err(|_| malformed())?;
        Ok(Self::of(master))
    }

    /// Makes a new master key and writes it to a file that only its owner may read (mode 0600).
    ///
    /// Errors: the file exists already (a key is never overwritten: what it encrypted would be
    /// lost) or cannot be written.
    pub fn generate(path: &Path) -> Result<Self, KeyFileError> {
        let ring = Self::random()?;
        let mut text = Zeroizing::new(vec![0; KEY_BYTES * 2]);
        // The slice has exactly twice the key's length, the only thing that can be wrong.
        hex::encode_to_slice(ring.master.as_slice(), &mut text)
            .expect("two digits for each byte of the key");
        text.push(b'\n');
        write_new(path, &text).map_err(|source| KeyFileError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok(ring)
    }

    /// A key ring of which nothing is kept: for tests and throw-away databases.
    pub fn ephemeral() -> Self {
        // Without random bytes from the operating system nothing on the machine is safe; the
        // callers, tests, have no better answer than to stop.
        Self::random().expect("random bytes from the operating system")
    }

    /// Names the master key in ciphertexts and audit records; tells nothing of the key.
    pub fn key_id(&self) -> u32 {
        self.id
    }

    /// A keyed hash under which an encrypted value can be found: equal values have equal hashes.
    ///
    /// `normalised` must have one form for what counts as equal; different purposes (`id_number`,
    /// `phone`) give unrelated hashes.
    pub fn blind_index(&self, purpose: &str, normalised: &[u8]) -> [u8; 32] {
        self.hmac("blind-index", purpose, normalised)
            .finalize()
            .into_bytes()
            .into()
    }

    /// An HMAC-SHA256 over the bytes, for records whose change must be noticed.
    pub fn mac(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        self.hmac("mac", purpose, bytes)
            .finalize()
            .into_bytes()
            .into()
    }

    /// Whether `mac` is what [`KeyRing::mac`] gives for the bytes, in constant time.
    pub fn verify_mac(&self, purpose: &str, bytes: &[u8], mac: &[u8]) -> bool {
        self.hmac("mac", purpose, bytes).verify_slice(mac).is_ok()
    }

    fn random() -> Result<Self, KeyFileError> {
        let mut master = Zeroizing::new([0; KEY_BYTES]);
        SysRng
            .try_fill_bytes(master.as_mut_slice())
            .map_err(|error| KeyFileError::Random(error.to_string()))?;
        Ok(Self::of(master))
    }

    fn of(master: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let [a, b, c, d, ..] = *derive(&master, "key-id", "");
        let field_key = derive(&master, "field-encryption", "");
        Self {
            id: u32::from_be_bytes([a, b, c, d]),
            cipher: Aes256Gcm::new((&*field_key).into()),
            master,
        }
    }

    fn hmac(&self, usage: &str, purpose: &str, bytes: &[u8]) -> Hmac<Sha256> {
        let key = derive(&self.master, usage, purpose);
        let mut hmac =
            Hmac::<Sha256>::new_from_slice(key.as_slice()).expect("HMAC takes keys of any length");
        hmac.update(bytes);
        hmac
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("key_id", &format_args!("{:08x}", self.id))
            .finish_non_exhaustive()
    }
}

/// The key of one usage and purpose. Usages are constants without a slash, so no two pairs make
/// the same label.
fn derive(master: &[u8; KEY_BYTES], usage: &str, purpose: &str) -> Zeroizing<[u8; KEY_BYTES]> {
    let hkdf = Hkdf::<Sha256>::from_prk(master).expect("the key is as long as the hash");
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    hkdf.expand_multi_info(
        &[b"minzheng/1/", usage.as_bytes(), b"/", purpose.as_bytes()],
        key.as_mut_slice(),
    )
    .expect("one hash is within the limit of 255");
    key
}

/// Secrets mounted for a group may be read by it; nothing may be open to everybody.
#[cfg(unix)]
fn open_to_everybody(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o007 != 0
}

/// Other systems have no such permissions.
#[cfg(not(unix))]
fn open_to_everybody(_: &fs::Metadata) -> bool {
    false
}

/// Writes a file that must not exist yet, and does not return before it is on the disk: a key
/// that is lost takes with it all it encrypted.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        Some(_) | None => Path::new("."),
    };
    // On Unix a new name is safe only once its directory is, too.
    if cfg!(unix) {
        fs::File::open(directory)?.sync_all()?;
    }
    Ok(())
}
