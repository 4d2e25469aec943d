import { SpineReplica } from '../src/replica/peers/spine-replica.ts';

/**
 * Loaded into a Tocsin before it starts: SIGUSR2 switches off what a replica does for the others with alerts that come in, and on again. A
 * process without replicas would be another one, of which V8 made something else.
 */
let isOn = true;

const { took, tookBody, omitted } = SpineReplica.prototype;
SpineReplica.prototype.took = function tookIfOn(this: SpineReplica, ...alert) {
  if (isOn) took.apply(this, alert);
};
SpineReplica.prototype.tookBody = function tookBodyIfOn(this: SpineReplica, ...body) {
  if (isOn) tookBody.apply(this, body);
};
SpineReplica.prototype.omitted = function omittedIfOn(this: SpineReplica, count) {
  if (isOn) omitted.call(this, count);
};
process.on('SIGUSR2', () => {
  isOn = !isOn;
});
