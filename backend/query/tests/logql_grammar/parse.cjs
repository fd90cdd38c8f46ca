// Reads queries from standard input, one a line, and prints for each whether Grafana's grammar takes it: ok, or the byte of the first error.
const { parser } = require('@grafana/lezer-logql');
const lines = require('node:fs').readFileSync(0, 'utf8').split('\n');
for (const query of lines.filter((line) => line.length > 0)) {
  let at = null;
  parser.parse(query).iterate({
    enter(node) {
      if (node.type.isError && at === null) at = node.from;
    },
  });
  console.log(at === null ? 'ok' : String(at));
}
