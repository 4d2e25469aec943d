// The suites that need only an API server share one: its start takes longer than most of them. Each can be run alone by its name.
// Those of triggers are in `kubernetes-triggers.test.ts`, so that two files share the time.
import './kubernetes/condition-writer.suite.ts';
import './kubernetes/proxy.suite.ts';
import './kubernetes/writes.suite.ts';
import './kubernetes/actions.suite.ts';
import './kubernetes/health-rules.suite.ts';
import './kubernetes/instance-down.suite.ts';
import './kubernetes/reasons.suite.ts';
import './kubernetes/push-to-condition.suite.ts';
import './kubernetes/files-on-the-way.suite.ts';
import './kubernetes/label-selector.suite.ts';
import './kubernetes/manifests-applied.suite.ts';
import './kubernetes/rules-applied.suite.ts';
import './kubernetes/foreign-namespace.suite.ts';
import './kubernetes/silences.suite.ts';
import './kubernetes/access.suite.ts';
import './kubernetes/replicas.suite.ts';
import './kubernetes/peers.suite.ts';
// These two kill the API server; one of them removes CRDs and restores them.
import './kubernetes/faults.suite.ts';
import './kubernetes/process-faults.suite.ts';
// The last one deletes the namespace, whose deletion nothing here completes.
import './kubernetes/readme.suite.ts';
