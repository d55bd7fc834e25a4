// Starts dynalite, an independent DynamoDB-compatible server, in memory on a free loopback port.
//
// Prints one line, "dynalite listening on http://127.0.0.1:PORT", when it serves requests, and
// ends on SIGTERM, SIGINT or when its standard input is closed, so that it never outlives a test.
// An argument is the port to listen on instead of a free one.

import dynalite from "dynalite";

const port = Number(process.argv[2] ?? 0);
const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });

server.on("error", (error) => {
  console.error(`dynalite cannot listen on 127.0.0.1:${port}: ${error.message}`);
  process.exit(1);
});

server.listen(port, "127.0.0.1", () => {
  console.log(`dynalite listening on http://127.0.0.1:${server.address().port}`);
});

for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
process.stdin.on("end", () => process.exit(0)).on("error", () => process.exit(0)).resume();
