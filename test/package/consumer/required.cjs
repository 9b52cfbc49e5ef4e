const { ServiceClient } = require('tinker-ts');
const { createLocalServer } = require('tinker-ts/server');

console.log(typeof ServiceClient.connect, typeof createLocalServer);
