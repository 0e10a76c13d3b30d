//! Whether a target can be reached: the connection that a message would take, TLS included, ended
//! as soon as it stands. Nothing is sent over it.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tower::{Layer, Service};

use super::http::{self, Http, Target};

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

type BoxError = Box<dyn Error + Send + Sync>;

/// Connects; why that fails, as a sentence without secrets.
pub(super) async fn reach(http: &Http, target: &Target) -> Result<(), String> {
    let client = http::settings(http.callable()).connector_layer(EndWhenItStands).build();
    let client = client.map_err(|error| http::NoClient(error).to_string())?;
    let calling = client.get(target.url.clone()).send();
    match tokio::time::timeout(PATIENCE, calling).await {
        Err(_) => Err(format!("{target} did not answer within {} s", PATIENCE.as_secs())),
        Ok(Err(error)) if !stood(&error) => Err(http::network(target, error)),
        Ok(_) => Ok(()),
    }
}

/// The connection stands.
#[derive(Debug, thiserror::Error)]
#[error("connected")]
struct Stands;

fn stood(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<Stands>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Gives up every connection once it was made.
#[derive(Debug, Clone, Copy)]
struct EndWhenItStands;

impl<S> Layer<S> for EndWhenItStands {
    type Service = Ending<S>;

    fn layer(&self, connect: S) -> Ending<S> {
        Ending(connect)
    }
}

#[derive(Debug, Clone)]
struct Ending<S>(S);

impl<S, To> Service<To> for Ending<S>
where
    S: Service<To, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, to: To) -> Self::Future {
        let connecting = self.0.call(to);
        Box::pin(async move {
            connecting.await?;
            Err(Stands.into())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;
    use crate::notify::Callable;

    fn target(address: &str) -> Target {
        Target::parse(address, &Callable::default()).unwrap()
    }

    async fn reach(target: &Target) -> Result<(), String> {
        super::reach(&Http::new(Callable::default()).unwrap(), target).await
    }

    #[tokio::test]
    async fn a_listener_is_reached_and_hears_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            listener.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
            bytes
        });
        assert_eq!(reach(&target(&format!("http://127.0.0.1:{port}/secret"))).await, Ok(()));
        assert!(heard.join().unwrap().is_empty());
    }

    #[tokio::test]
    async fn nobody_there_and_no_tls_there_are_sentences_without_the_path() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let plain = std::thread::spawn(move || drop(listener.accept()));
        let told = reach(&target(&format!("https://127.0.0.1:{port}/secret"))).await.unwrap_err();
        plain.join().unwrap();
        assert!(told.contains("cannot be reached") && !told.contains("secret"), "{told}");
        let told = reach(&target(&format!("http://127.0.0.1:{port}/secret"))).await.unwrap_err();
        assert!(told.contains("refused") && !told.contains("secret"), "{told}");
    }
}
