import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("..", import.meta.url));

interface Packed {
  filename: string;
  files: { path: string }[];
}

describe("the package as it is published", () => {
  let folder: string;
  let files: string[];
  const run = (program: string, args: string[], cwd: string) =>
    execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "biplane-live-"));
    const told = run("npm", ["pack", "--json", "--silent", "--pack-destination", folder], source);
    // Behind what the build says, if it says anything.
    const [packed] = JSON.parse(told.slice(told.indexOf("["))) as [Packed];
    files = packed.files.map(({ path }) => path);
    run("tar", ["xzf", packed.filename], folder);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  test("it has the client with its types, the licences and what to read, and nothing else", () => {
    const modules = readdirSync(join(source, "src")).map((file) => file.replace(/\.ts$/, ""));
    const built = modules.flatMap((name) => [`dist/${name}.d.ts`, `dist/${name}.js`]);
    const others = ["README.md", "dist/LICENSE-APACHE", "dist/LICENSE-MIT", "package.json"];
    assert.deepEqual([...files].sort(), [...built, ...others].sort());
  });

  test("it needs nothing but itself", () => {
    const manifest = JSON.parse(readFileSync(join(folder, "package/package.json"), "utf8"));
    for (const kind of ["dependencies", "peerDependencies", "optionalDependencies"]) {
      assert.equal(manifest[kind], undefined, kind);
    }
    assert.equal(manifest.private, undefined);
    const own = new Set(files.map((file) => file.replace(/^dist/, ".")));
    for (const file of files.filter((file) => /\.(js|d\.ts)$/.test(file))) {
      const text = readFileSync(join(folder, "package", file), "utf8");
      for (const [, name] of text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g)) {
        const needed = file.endsWith(".js") ? name! : name!.replace(/\.ts$/, ".d.ts");
        assert.ok(own.has(needed), `${file} imports ${name}`);
      }
    }
  });

  test("it is imported by its name where nothing else is installed", () => {
    const app = join(folder, "app.mjs");
    writeFileSync(
      app,
      `import * as client from "@biplane/live";
      const live = client.connect({ token: () => null });
      const { name } = live.state;
      live.close();
      console.log(JSON.stringify([Object.keys(client).sort(), name, live.state.name]));`,
    );
    const scope = join(folder, "node_modules/@biplane");
    mkdirSync(scope, { recursive: true });
    symlinkSync(join(folder, "package"), join(scope, "live"));
    const told = JSON.parse(run(process.execPath, [app], folder));
    assert.deepEqual(told, [["LiveSubscriptionError", "connect"], "connecting", "closed"]);
  });
});
