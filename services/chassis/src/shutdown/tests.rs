use super::*;
use tokio::sync::mpsc;

const LONG: Duration = Duration::from_secs(30);
const BOUND: Duration = Duration::from_secs(10);

async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, work)
        .await
        .expect("ends in time")
}

#[tokio::test]
async fn phases_follow_each_other_whatever_the_order_of_their_steps() {
    let shutdown = Shutdown::new(LONG);
    let (done, mut order) = mpsc::unbounded_channel();
    for phase in Phase::ALL.into_iter().rev() {
        let (done, plan) = (done.clone(), shutdown.clone());
        shutdown.step(phase, phase.name(), LONG, async move {
            // Give a wrong order every chance to show.
            tokio::task::yield_now().await;
            let later = Phase::ALL.into_iter().filter(|one| *one > phase);
            assert!(plan.token(phase).is_cancelled());
            assert!(later.into_iter().all(|one| !plan.token(one).is_cancelled()));
            done.send(phase).unwrap();
        });
    }
    drop(done);
    let ended = bounded(shutdown.run()).await;
    assert!(ended.iter().all(|one| one.in_time));
    let mut seen = Vec::new();
    while let Some(phase) = order.recv().await {
        seen.push(phase);
    }
    assert_eq!(seen, Phase::ALL);
    assert_eq!(bounded(shutdown.run()).await, []);
}

#[tokio::test]
async fn steps_of_one_phase_run_at_once() {
    let shutdown = Shutdown::new(LONG);
    let meeting = Arc::new(tokio::sync::Barrier::new(2));
    for name in ["residents", "elderly-care"] {
        let meeting = meeting.clone();
        shutdown.step(Phase::Consumers, name, LONG, async move {
            meeting.wait().await;
        });
    }
    let ended = bounded(shutdown.run()).await;
    assert!(ended.len() == 2 && ended.iter().all(|one| one.in_time));
}

#[tokio::test]
async fn what_hangs_is_named_and_left_behind() {
    let shutdown = Shutdown::new(LONG);
    let short = Duration::from_millis(5);
    shutdown.step(Phase::Consumers, "hangs", short, std::future::pending());
    shutdown.step(Phase::Pools, "pools", LONG, async {});
    let ended = bounded(shutdown.run()).await;
    let expected = |phase, name: &str, in_time| Ended {
        phase,
        name: name.to_owned(),
        in_time,
    };
    assert_eq!(
        ended,
        [
            expected(Phase::Consumers, "hangs", false),
            expected(Phase::Pools, "pools", true)
        ]
    );
}

#[tokio::test]
async fn the_grace_bounds_all_steps_together_and_the_last_still_has_a_moment() {
    let shutdown = Shutdown::new(Duration::from_millis(20));
    for phase in [Phase::Drain, Phase::Relay, Phase::Grpc] {
        shutdown.step(phase, "hangs", LONG, std::future::pending());
    }
    shutdown.step(Phase::Pools, "pools", LONG, tokio::task::yield_now());
    let began = Instant::now();
    let ended = bounded(shutdown.run()).await;
    assert!(began.elapsed() < Duration::from_secs(5));
    let in_time: Vec<bool> = ended.iter().map(|one| one.in_time).collect();
    assert_eq!(in_time, [false, false, false, true]);
}

#[tokio::test]
async fn tasks_end_by_their_token_or_are_aborted() {
    struct Dropped(mpsc::UnboundedSender<()>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let shutdown = Shutdown::new(LONG);
    let (sender, mut dropped) = mpsc::unbounded_channel();
    shutdown.spawn(Phase::Relay, "obeys", LONG, |token| async move {
        token.cancelled().await
    });
    shutdown.spawn(
        Phase::Grpc,
        "hangs",
        Duration::from_millis(5),
        |_| async move {
            let _guard = Dropped(sender);
            std::future::pending::<()>().await;
        },
    );
    let ended = bounded(shutdown.run()).await;
    let in_time: Vec<_> = ended
        .iter()
        .map(|one| (one.name.as_str(), one.in_time))
        .collect();
    assert_eq!(in_time, [("obeys", true), ("hangs", false)]);
    assert_eq!(
        bounded(dropped.recv()).await,
        Some(()),
        "the hung task is aborted"
    );
    assert!(!shutdown.failed().is_cancelled());
}

#[tokio::test]
async fn a_task_that_ends_early_or_panics_is_a_failure_of_the_node() {
    let early = Shutdown::new(LONG);
    early.spawn(Phase::Relay, "early", LONG, |_| async {});
    bounded(early.failed().cancelled()).await;
    let panics = Shutdown::new(LONG);
    panics.spawn(Phase::Relay, "panics", LONG, |_| async {
        panic!("on purpose")
    });
    bounded(panics.failed().cancelled()).await;
    assert!(bounded(panics.run()).await.iter().all(|one| one.in_time));
}

#[tokio::test]
async fn running_commands_are_waited_for() {
    let shutdown = Shutdown::new(LONG);
    let drain = shutdown.token(Phase::Drain);
    let command = shutdown.tracker(Phase::Drain).spawn(async move {
        drain.cancelled().await;
        7
    });
    let ended = bounded(shutdown.run()).await;
    assert_eq!(ended[0].name, "running tasks");
    assert!(ended[0].in_time && command.is_finished());
    assert_eq!(command.await.unwrap(), 7);
}

#[tokio::test]
async fn what_comes_after_its_phase_is_refused() {
    let shutdown = Shutdown::new(LONG);
    shutdown.run().await;
    shutdown.step(Phase::Pools, "late", LONG, async { panic!("must not run") });
    shutdown.spawn(Phase::Pools, "late", LONG, |_| std::future::pending());
    assert_eq!(bounded(shutdown.run()).await, []);
}

#[tokio::test]
async fn a_signal_ends_the_waiting() {
    let waiting = termination().unwrap();
    let kill = format!("kill -TERM {}", std::process::id());
    let sent = std::process::Command::new("sh")
        .args(["-c", &kill])
        .status();
    assert!(sent.unwrap().success());
    assert_eq!(bounded(waiting).await, "SIGTERM");
}
