// Makes src/api/types.ts from openapi.json with --write; without, says whether it is current.
import { readFile, writeFile } from "node:fs/promises";

import openapiTS, { astToString } from "openapi-typescript";
import { format, resolveConfig } from "prettier";

const target = new URL("../src/api/types.ts", import.meta.url);
const document = JSON.parse(await readFile(new URL("../openapi.json", import.meta.url), "utf8"));
// The API leaves out what has a default; what has one is therefore not always there.
const made = astToString(await openapiTS(document, { defaultNonNullable: false }));
const text = await format(
  `// Made from openapi.json by \`npm run types\`; not to be changed by hand.\n${made}`,
  {
    ...(await resolveConfig(target)),
    parser: "typescript",
  },
);

if (process.argv.includes("--write")) {
  await writeFile(target, text);
} else if ((await readFile(target, "utf8").catch(() => "")) !== text) {
  console.error("src/api/types.ts is not what openapi.json says: run `npm run types`");
  process.exit(1);
}
