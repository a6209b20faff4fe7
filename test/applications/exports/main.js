require("prodlike/dist/telemetry.cjs").start({ serviceName: `exports-${process.argv[2]}` });
require(`./${process.argv[2]}.js`);
