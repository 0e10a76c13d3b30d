//! What makes a state directory the one it is: in the database, and in a file beside it that
//! outlives it.

use std::io::ErrorKind;
use std::path::Path;

use rand::RngCore;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::replace::replace;
use super::{FORMAT, StoreError};

/// The file's name within a state directory.
pub(super) const FILE: &str = "identity";

/// What makes this state directory the one it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Format of the rows.
    pub format: u32,
    /// Random name of the directory: our client id at the brokers.
    pub id: String,
    /// Secret that makes callback tokens.
    pub secret: [u8; 32],
}

/// The file: with a sum, since nothing else tells a changed secret from the one that was made.
#[derive(Serialize, Deserialize)]
struct Sealed {
    #[serde(flatten)]
    identity: Identity,
    sum: String,
}

/// What the file says.
pub(super) enum Found {
    /// There is none.
    Nothing,
    /// It cannot be trusted.
    Broken,
    /// This.
    Whole(Identity),
}

impl Identity {
    /// A new one.
    pub(super) fn random() -> Identity {
        let mut random = [0u8; 48];
        rand::rng().fill_bytes(&mut random);
        let (name, secret) = random.split_at(16);
        Identity { format: FORMAT, id: hex(name), secret: secret.try_into().unwrap_or([0; 32]) }
    }

    pub(super) fn read(directory: &Path) -> Result<Found, StoreError> {
        let text = match std::fs::read(directory.join(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(source) => {
                return Err(StoreError::Folder { path: directory.to_owned(), source });
            }
        };
        Ok(match serde_json::from_slice::<Sealed>(&text) {
            Ok(sealed) if sealed.sum == sealed.identity.sum() => Found::Whole(sealed.identity),
            _ => Found::Broken,
        })
    }

    /// Writes the file, whole or not at all.
    pub(super) fn write(&self, directory: &Path) -> Result<(), StoreError> {
        let sealed = Sealed { identity: self.clone(), sum: self.sum() };
        // Plain fields always become JSON.
        let text = serde_json::to_vec(&sealed).unwrap_or_default();
        replace(directory, FILE, &text)
            .map_err(|source| StoreError::Folder { path: directory.to_owned(), source })
    }

    fn sum(&self) -> String {
        let text = format!("{}\n{}\n{}", self.format, self.id, hex(&self.secret));
        hex(&Sha256::digest(text.as_bytes())[..8])
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
