// The scripts of package.json begin with this check, because an older Node ends in a SyntaxError of some import.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`cruddur-messages needs Node 20.19 or newer. This is Node ${process.versions.node}.\n`);
  process.exit(1);
}
