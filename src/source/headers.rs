//! Headers as the client has them.

use rdkafka::message::{BorrowedMessage, Headers as _, Message};

use crate::wire::Headers;

impl Headers for BorrowedMessage<'_> {
    fn each<'s>(&'s self, show: &mut dyn FnMut(&'s str, Option<&'s [u8]>)) {
        if let Some(headers) = self.headers() {
            headers.iter().for_each(|header| show(header.key, header.value));
        }
    }
}
