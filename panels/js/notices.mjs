import { readFileSync } from "node:fs";

const NOTICES = new URL("../../THIRD_PARTY_NOTICES.md", import.meta.url);
const PACKAGE = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//;
const LISTED = /^\| (\S+) \| (\d\S*) \|/gm;

/**
 * Puts the licences of what others wrote at the head of the bundle: they go where the bundle goes.
 *
 * The build fails where THIRD_PARTY_NOTICES.md lists other packages or versions than are in it.
 */
export function notices() {
  return {
    name: "notices",
    apply: "build",
    generateBundle(_, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        const packages = packagesIn(chunk);
        compare(packages);
        chunk.code = `${banner(packages)}\n${chunk.code}`;
      }
    },
  };
}

/** Name, version and licence text of each package of which some code has stayed. */
function packagesIn({ modules }) {
  const folders = new Set(
    Object.entries(modules)
      .filter(([, { renderedLength }]) => renderedLength > 0)
      .flatMap(([id]) => PACKAGE.exec(id)?.[1] ?? []),
  );
  return [...folders].sort().map((folder) => {
    const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    return { name, version, licence: readFileSync(`${folder}/LICENSE`, "utf8").trim() };
  });
}

function compare(packages) {
  const bundled = packages.map(({ name, version }) => `${name} ${version}`);
  const listed = [...readFileSync(NOTICES, "utf8").matchAll(LISTED)].map(
    ([, name, version]) => `${name} ${version}`,
  );
  const wrong = [
    ...bundled.filter((one) => !listed.includes(one)).map((one) => `lacks ${one}`),
    ...listed.filter((one) => !bundled.includes(one)).map((one) => `lists ${one}`),
  ];
  if (wrong.length) {
    throw new Error(`THIRD_PARTY_NOTICES.md does not fit the bundle: it ${wrong.join(", ")}.`);
  }
}

/** Packages under the same licence text stand together. */
function banner(packages) {
  const names = new Map();
  for (const { name, version, licence } of packages) {
    names.set(licence, [...(names.get(licence) ?? []), `${name} ${version}`]);
  }
  const parts = [...names].map(([licence, these]) => `${these.join(", ")}:\n\n${licence}`);
  return `/*!\nSee THIRD_PARTY_NOTICES.md. This file holds\n\n${parts.join("\n\n")}\n*/`;
}
