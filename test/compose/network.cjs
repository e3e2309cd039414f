// Loaded before a service's process: what a network of containers does for it. Names of services lead to their addresses, and
// each service has an address of its own, on which it listens, so that two can have the same port.
const dns = require('node:dns');
const net = require('node:net');

const { own, addresses } = JSON.parse(process.env.SERVICE_NETWORK);
delete process.env.SERVICE_NETWORK;

const lookup = dns.lookup;
dns.lookup = (hostname, options, callback) => {
  const done = callback ?? options;
  const address = hostname === 'localhost' ? own : addresses[hostname];
  if (!address) return lookup(hostname, options, callback);
  process.nextTick(() => (options.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4)));
};

const { listen } = net.Server.prototype;
net.Server.prototype.listen = function listenOnOwnAddress(...args) {
  const moved = args.map((each) => {
    if (each === '0.0.0.0') return own;
    return each?.host === '0.0.0.0' ? { ...each, host: own } : each;
  });
  return listen.apply(this, moved);
};
