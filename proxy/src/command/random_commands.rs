//! Random command lines for the differential tests: few keys, so that commands meet the items of
//! others; numbers at the edges; every option, compatible or not.

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const NAMES: &[&str] = &[
    "GET",
    "SET",
    "SET",
    "SET",
    "set",
    "SETEX",
    "PSETEX",
    "SETNX",
    "GETSET",
    "GETDEL",
    "GETEX",
    "GETEX",
    "MGET",
    "MSET",
    "MSETNX",
    "DEL",
    "UNLINK",
    "EXISTS",
    "TOUCH",
    "TYPE",
    "TTL",
    "PTTL",
    "EXPIRETIME",
    "PEXPIRETIME",
    "EXPIRE",
    "PEXPIRE",
    "EXPIREAT",
    "PEXPIREAT",
    "PERSIST",
    "STRLEN",
    "APPEND",
    "GETRANGE",
    "SUBSTR",
    "SETRANGE",
    "INCR",
    "DECR",
    "INCRBY",
    "DECRBY",
    "INCRBYFLOAT",
    "INCRBYFLOAT",
    "PING",
    "ECHO",
    "NOSUCH",
    "COMMAND",
];

/// Makes command lines out of few keys, edge-case numbers and all options.
pub(super) struct Commands(StdRng);

impl Commands {
    pub(super) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    fn pick(&mut self, choices: &[&str]) -> Bytes {
        let index = self.0.random_range(0..choices.len());
        Bytes::copy_from_slice(choices[index].as_bytes())
    }

    fn one_in(&mut self, count: u32) -> bool {
        self.0.random_range(0..count) == 0
    }

    fn key(&mut self) -> Bytes {
        match self.0.random_range(0..7) {
            6 => Bytes::from_static(b"\x00\xff\r\n key"),
            index => Bytes::from(format!("key:{index}")),
        }
    }

    fn value(&mut self) -> Bytes {
        match self.0.random_range(0..6) {
            0 | 1 => self.integer(),
            2 => self.float(),
            3 => self.pick(&["", "hello", "Hello World", "a\r\nb", "nil", "*1"]),
            _ => {
                let len = self.0.random_range(0..40);
                (0..len).map(|_| self.0.random::<u8>()).collect::<Vec<u8>>().into()
            }
        }
    }

    fn integer(&mut self) -> Bytes {
        match self.0.random_range(0..8) {
            0 => self.pick(&["", " 1", "1 ", "+1", "01", "-0", "00", "1.0", "abc", "0x10", "1e3"]),
            1 => self.pick(&[
                "9223372036854775807",
                "-9223372036854775808",
                "9223372036854775808",
                "-9223372036854775809",
                "9223372036854775806",
                "99999999999999999999",
            ]),
            2 => Bytes::from(self.0.random::<i64>().to_string()),
            3 => self.pick(&["0", "1", "-1"]),
            _ => Bytes::from(self.0.random_range(-50..50).to_string()),
        }
    }

    /// Text that is a number, or nearly one.
    pub(super) fn float(&mut self) -> Bytes {
        let text = match self.0.random_range(0..8) {
            0 => return self.integer(),
            1 => {
                return self.pick(&[
                    "inf",
                    "-inf",
                    "+Infinity",
                    "nan",
                    "0x1.8p3",
                    "0X.8",
                    "1e308",
                    "-1e308",
                    "1e4932",
                    "1e5000",
                    "1e-4940",
                    "1e-5000",
                    "1.",
                    ".5",
                    ".",
                    "1e",
                    "1e+3",
                    "e1",
                    " 1.5",
                    "1.5 ",
                    "-0.0",
                    "0e0",
                    "3.0e3",
                    "1,5",
                    "--1",
                    "0x",
                    "0x1p",
                    "1_0",
                    "1.18973149535723176502e+4932",
                    "1.18973149535723176509e+4932",
                    "3.6451995318824746025e-4951",
                    "1.8225997659412373012e-4951",
                    "1.8225997659412373013e-4951",
                    "0x1p-16445",
                    "0x1p-16446",
                    "0x1p16384",
                    "0x1.fffffffffffffffep16383",
                    "0x1.ffffffffffffffffp16383",
                ]);
            }
            2 => format!("{}", self.0.random_range(-1000..1000) as f64 / 100.0),
            3 => format!("{}", self.0.random::<f64>()),
            4 => format!("{:e}", (self.0.random::<f64>() - 0.5) * 1e6),
            5 => format!("{}e{}", self.0.random::<i64>(), self.0.random_range(-40..20)),
            6 => format!("{}.{}", self.0.random::<i32>(), self.0.random::<u64>()),
            7 if self.one_in(8) => {
                let len = self.0.random_range(1..5_200);
                let digits: String =
                    (0..len).map(|_| char::from(b'0' + self.0.random_range(0..10_u8))).collect();
                format!("{digits}.{digits}e-{}", self.0.random_range(0..9_000))
            }
            _ => format!("{}.{}", self.0.random::<i64>(), self.0.random::<u128>()),
        };
        Bytes::from(text)
    }

    /// A time from now: well apart from each other, so that two clocks order them alike.
    fn lifetime(&mut self) -> Bytes {
        if self.one_in(6) {
            return self.pick(&[
                "0",
                "-1",
                "abc",
                "",
                "9223372036854775807",
                "-9223372036854775808",
                "9223372036854775",
                "9223372036854776",
                "-9223372036854775",
                "-99999999999",
                "-9223372036854776",
            ]);
        }
        Bytes::from(self.0.random_range(10_000_000_u64..100_000_000_000).to_string())
    }

    /// A Unix time, in seconds or milliseconds, far ahead or long past.
    fn instant(&mut self) -> Bytes {
        if self.one_in(3) {
            return self.pick(&[
                "0",
                "-1",
                "1",
                "abc",
                "1000000",
                "9223372036854775807",
                "9223372036854775",
                "9223372036854776",
                "-9223372036854775808",
            ]);
        }
        Bytes::from(self.0.random_range(5_000_000_000_000_u64..9_000_000_000_000).to_string())
    }

    fn set_option(&mut self, args: &mut Vec<Bytes>, extra: &[&str]) {
        match self.0.random_range(0..5) {
            0 => args.extend([self.pick(&["EX", "px", "Px"]), self.lifetime()]),
            1 => args.extend([self.pick(&["EXAT", "pxat"]), self.instant()]),
            2 if self.one_in(8) => {
                args.push(self.pick(&["foo", "", "EX", "PXAT", "nx2", "PERSIST"]))
            }
            _ => args.push(self.pick(extra)),
        }
    }

    /// Bytes that are requests, or nearly so, of PING and ECHO only.
    pub(super) fn raw_bytes(&mut self) -> Vec<u8> {
        let pieces = [
            "*1\r\n",
            "*2\r\n",
            "$4\r\n",
            "$0\r\n",
            "$-1\r\n",
            "*-1\r\n",
            "*0\r\n",
            "*x\r\n",
            "*1\r\n$4\r\nPING\r\n",
            "*2\r\n$4\r\necho\r\n$1\r\nx\r\n",
            "PING",
            "ECHO ",
            "\r\n",
            "\r\n",
            "\n",
            "\r",
            "'",
            "\"",
            "\\x4a",
            "\\n",
            "\\",
            " ",
            "\t",
            "\u{b}",
            "a",
            "é",
            "$",
            "ECHO \"a\\x20b\"\r\n",
            "echo 'it\\'s'\n",
        ];
        let count = self.0.random_range(1..12);
        (0..count).flat_map(|_| self.pick(&pieces)).collect()
    }

    /// A random command line.
    pub(super) fn line(&mut self) -> Vec<Bytes> {
        let name = self.pick(NAMES);
        let mut args = vec![name.clone(), self.key()];
        let upper = name.to_ascii_uppercase();
        self.set_arguments(&upper, &mut args);
        self.other_arguments(&upper, &mut args);
        if self.one_in(40) && !name.eq_ignore_ascii_case(b"COMMAND") {
            args.truncate(self.0.random_range(1..=args.len()));
        } else if self.one_in(40) {
            args.push(Bytes::from_static(b"extra"));
        }
        args
    }

    fn set_arguments(&mut self, name: &[u8], args: &mut Vec<Bytes>) {
        match name {
            b"SET" => {
                args.push(self.value());
                for _ in 0..self.0.random_range(0..3) {
                    self.set_option(args, &["NX", "xx", "GET", "KEEPTTL", "keepttl", "get"]);
                }
            }
            b"SETEX" | b"PSETEX" => args.extend([self.lifetime(), self.value()]),
            b"SETNX" | b"GETSET" | b"APPEND" => args.push(self.value()),
            b"GETEX" => {
                for _ in 0..self.0.random_range(0..3) {
                    self.set_option(args, &["PERSIST", "persist"]);
                }
            }
            b"MGET" | b"DEL" | b"UNLINK" | b"EXISTS" | b"TOUCH" => {
                (0..self.0.random_range(0..4)).for_each(|_| args.push(self.key()));
            }
            b"MSET" | b"MSETNX" => {
                args.push(self.value());
                (0..self.0.random_range(0..3))
                    .for_each(|_| args.extend([self.key(), self.value()]));
            }
            _ => {}
        }
    }

    fn other_arguments(&mut self, name: &[u8], args: &mut Vec<Bytes>) {
        match name {
            b"EXPIRE" | b"PEXPIRE" => {
                args.push(self.lifetime());
                self.expire_options(args);
            }
            b"EXPIREAT" | b"PEXPIREAT" => {
                args.push(self.instant());
                self.expire_options(args);
            }
            b"GETRANGE" | b"SUBSTR" => args.extend([self.integer(), self.integer()]),
            b"SETRANGE" => {
                let offset = match self.0.random_range(0..10) {
                    0 => self.integer(),
                    1 => self.pick(&["-1", "536870912", "9223372036854775807", "600000000"]),
                    _ => Bytes::from(self.0.random_range(0..100).to_string()),
                };
                args.extend([offset, self.value()]);
            }
            b"INCRBY" | b"DECRBY" => args.push(self.integer()),
            b"INCRBYFLOAT" => args.push(self.float()),
            b"COMMAND" => {
                args[1] = self.pick(&["GETKEYS", "getkeys", "foo", "a\0b"]);
                let inner = self.pick(&["get", "MSET", "set", "ping", "del", "nosuch"]);
                args.extend([inner, self.key()]);
            }
            _ => {}
        }
    }

    fn expire_options(&mut self, args: &mut Vec<Bytes>) {
        for _ in 0..self.0.random_range(0..3) {
            args.push(self.pick(&["NX", "xx", "GT", "lt", "Lt", "gt", "XX"]));
        }
        if self.one_in(30) {
            args.push(self.pick(&["foo", "", "a\r\nb", "\r\n"]));
        }
    }
}
