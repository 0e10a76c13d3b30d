//! kill -9 in a loop, under load, against real Kafka: after every kill the state must equal what
//! an independent reading of the topics gives.
//!
//! ```text
//! cargo test --test crash                              # 50 kills
//! cargo test --test crash -- --kills 1000 --seed 7
//! ```
//!
//! A world of rides is produced without pause. The daemon is started again and again and dies at
//! a random step (a failpoint), at a random time (kill -9), with all that was not synced (a power
//! cut) or by SIGTERM; now and then the broker is killed, a stranger takes partitions, or an older
//! copy of the state is put back. See `checks` for what must hold.

#[path = "../it/company.rs"]
#[allow(dead_code)]
mod company;
#[path = "../kill/mod.rs"]
#[allow(dead_code)]
mod kill;
#[path = "../it/rig/mod.rs"]
mod rig;

mod checks;
mod ends;
mod oracle;
mod topics;
mod world;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use checks::Checks;
use ends::Ends;
use kill::arguments::Arguments;
use kill::random::Random;
use rig::daemon::Daemon;
use rig::kafka::{Kafka, Options};
use rig::receiver::Receiver;
use world::World;

/// Kills of a run that does not say how many.
const KILLS: u32 = 50;
/// Event time goes on by ten minutes in this time.
const PACE: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let Some(arguments) = Arguments::read("crash", KILLS) else { return ExitCode::SUCCESS };
    println!("crash: {} kills, seed {}", arguments.kills, arguments.seed);
    let began = Instant::now();
    let mut random = Random::new(arguments.seed);
    let kafka = Arc::new(Kafka::start(&Options::default()));
    let receiver = Receiver::start();
    receiver.script("/pager", &world::moody_answers(&mut random, arguments.kills));
    receiver.script("/events", &world::moody_answers(&mut random, arguments.kills));
    let company = world::found(&kafka, &receiver, arguments.kills);

    let stop = Arc::new(AtomicBool::new(false));
    let producing = produce(&kafka, World::new(&company, random.next()), stop.clone());
    let mut checks = Checks::new(&kafka, &company, &receiver);
    let mut ends = Ends::new(kafka.clone(), &company, random);
    for number in 1..=arguments.kills {
        let how = ends.one(number);
        checks.after_kill(number, &how);
        if ends.put_back_older_state(number) {
            checks.after_restore();
        }
        if number % 10 == 0 || number == arguments.kills {
            println!("crash: {number} kills, {}, {:.0?}", checks.figures(), began.elapsed());
        }
    }
    stop.store(true, Ordering::Relaxed);
    let world = producing.join().expect("the producer does not panic");
    world.calm_down(&kafka);

    let mut last = Daemon::start(&company.config, company.port, &company.env());
    let quiet = Receiver::start();
    let (config, port) = company.second(&kafka, &quiet);
    world::adapt(&config);
    let mut undisturbed = Daemon::start(&config, port, &company.env());
    for daemon in [&mut last, &mut undisturbed] {
        daemon.wait_ready(Duration::from_secs(120));
        daemon.wait_caught_up(&[&company.predictions, &company.outcomes], world::PARTITIONS);
        checks.wait_delivered(daemon);
        daemon.signal("TERM");
        assert_eq!(daemon.wait_exit(Duration::from_secs(30)).code(), Some(143));
    }
    checks.at_the_end(&company.folder.join("second"), &quiet);
    println!("crash: {}", ends.figures());
    println!("crash: nothing lost, nothing twice; {}, {:.0?}", checks.figures(), began.elapsed());
    ExitCode::SUCCESS
}

fn produce(
    kafka: &Arc<Kafka>,
    mut world: World,
    stop: Arc<AtomicBool>,
) -> std::thread::JoinHandle<World> {
    let kafka = kafka.clone();
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            world.go_on(&kafka);
            std::thread::sleep(PACE);
        }
        world
    })
}
