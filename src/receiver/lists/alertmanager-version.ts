import { Gauge, type Registry } from 'prom-client';

/** The Alertmanager whose contract this is: clients compare it with their own version, or choose by it how to speak. */
export const alertmanagerVersion = '0.34.2';

/** @param version of Tocsin */
export function revisionOf(version: string): string {
  return `tocsin ${version}`;
}

/** karma reads the version from here, and logs an error at each look if it is not there. */
export function createAlertmanagerVersionMetric(registry: Registry, version: string): void {
  new Gauge({
    registers: [registry],
    name: 'alertmanager_build_info',
    help: 'Which Alertmanager the API is that of, for clients that look here; the value is always 1.',
    labelNames: ['version', 'revision'],
  }).set({ version: alertmanagerVersion, revision: revisionOf(version) }, 1);
}
