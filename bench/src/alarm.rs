//! Waits for a point in time more exactly than the runtime's timers, which count whole milliseconds.

#[cfg(target_os = "linux")]
pub(crate) use precise::Alarm;

#[cfg(not(target_os = "linux"))]
pub(crate) use coarse::Alarm;

#[cfg(target_os = "linux")]
mod precise {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsFd as _;
    use std::time::{Duration, Instant};

    use nix::sys::time::TimeSpec;
    use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
    use tokio::net::unix::pipe::Receiver;

    /// Bytes that an expired timer gives to read.
    const EXPIRIES_BYTES: usize = 8;

    /// A timer of the kernel's.
    #[derive(Debug)]
    pub(crate) struct Alarm {
        timer: TimerFd,
        /// The same timer as something to read from, which is how the runtime knows when it expires.
        expiries: Receiver,
    }

    impl Alarm {
        pub(crate) fn new() -> io::Result<Self> {
            let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK)?;
            let expiries = File::from(timer.as_fd().try_clone_to_owned()?);
            Ok(Self { timer, expiries: Receiver::from_file_unchecked(expiries)? })
        }

        /// Returns at this time, or at once if it has passed. Cancel safe.
        pub(crate) async fn until(&self, at: Instant) -> io::Result<()> {
            let left = at.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return Ok(());
            }
            let expiry = Expiration::OneShot(TimeSpec::from_duration(left));
            self.timer.set(expiry, TimerSetTimeFlags::empty())?;
            while Instant::now() < at {
                self.expiries.readable().await?;
                match self.expiries.try_read(&mut [0; EXPIRIES_BYTES]) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod coarse {
    use std::io;
    use std::time::Instant;

    /// The runtime's timer.
    #[derive(Debug)]
    pub(crate) struct Alarm;

    impl Alarm {
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        /// Returns at this time, or at once if it has passed. Cancel safe.
        pub(crate) async fn until(&self, at: Instant) -> io::Result<()> {
            tokio::time::sleep_until(at.into()).await;
            Ok(())
        }
    }
}
