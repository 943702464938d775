// What csp_evaluator and the MDN HTTP Observatory say of a site; run by scans.py, which explains it.
//   node scripts/scans.mjs TOOLS ORIGIN POLICY...      prints JSON

import dns from "node:dns";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [tools, origin, ...policies] = process.argv.slice(2);

// The name is nobody's; it is found on this machine.
dns.lookup = (name, options, done) =>
  options?.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : (done ?? options)(null, "127.0.0.1", 4);

const load = (file) => import(pathToFileURL(join(tools, "node_modules", file)));

async function evaluate() {
  const { CspParser } = (await load("csp_evaluator/dist/parser.js")).default;
  const { CspEvaluator } = (await load("csp_evaluator/dist/evaluator.js")).default;
  const { Severity } = (await load("csp_evaluator/dist/finding.js")).default;
  return policies.map((policy) =>
    new CspEvaluator(new CspParser(policy).csp).evaluate().map((finding) => ({
      severity: Severity[finding.severity],
      where: [finding.directive, finding.value].filter(Boolean).join(" "),
      text: finding.description,
    })),
  );
}

// What the package's scan() does, which takes no port.
async function observe() {
  const { retrieve } = await load("@mdn/mdn-http-observatory/src/retriever/retriever.js");
  const { ALL_TESTS } = await load("@mdn/mdn-http-observatory/src/constants.js");
  const { getGradeForScore, getScoreModifier } = await load("@mdn/mdn-http-observatory/src/grader/grader.js");
  const { hostname, port } = new URL(origin);
  const retrieved = await retrieve(hostname, { httpsPort: port, httpPort: port, path: "/account/sign-in" });
  const tests = ALL_TESTS.map((test) => {
    const { constructor, result, pass } = test(retrieved);
    return { name: constructor.name, result, pass, modifier: getScoreModifier(result) };
  });
  const lost = tests.reduce((sum, { modifier }) => sum + Math.min(modifier, 0), 100);
  const score = lost >= 90 ? tests.reduce((sum, { modifier }) => sum + modifier, 100) : lost;
  return { status: retrieved.responses.auto?.status, tests, ...getGradeForScore(score) };
}

console.log(JSON.stringify({ policies: await evaluate(), observatory: await observe() }));
