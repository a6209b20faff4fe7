require("prodlike/dist/telemetry.cjs").start({ serviceName: `exports-${process.argv[2]}` });
// It refuses an option that it does not know.
const { positionals } = require("node:util").parseArgs({ allowPositionals: true });
require(`./${positionals[0]}.js`);
