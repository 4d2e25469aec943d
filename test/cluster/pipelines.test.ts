// The suites that need only an API server share one: its start takes longer than most of them. Each can be run alone by its name.
// Those of triggers are in `triggers.test.ts`, so that two files share the time. Both are in this folder because the runner starts files in
// the order of their names, and these two take longest.
import '../integration/kubernetes/condition-writer.suite.ts';
import '../integration/kubernetes/proxy.suite.ts';
import '../integration/kubernetes/writes.suite.ts';
import '../integration/kubernetes/actions.suite.ts';
import '../integration/kubernetes/health-rules.suite.ts';
import '../integration/kubernetes/instance-down.suite.ts';
import '../integration/kubernetes/reasons.suite.ts';
import '../integration/kubernetes/push-to-condition.suite.ts';
import '../integration/kubernetes/files-on-the-way.suite.ts';
import '../integration/kubernetes/label-selector.suite.ts';
import '../integration/kubernetes/manifests-applied.suite.ts';
import '../integration/kubernetes/rules-applied.suite.ts';
import '../integration/kubernetes/foreign-namespace.suite.ts';
import '../integration/kubernetes/silences.suite.ts';
import '../integration/kubernetes/access.suite.ts';
import '../integration/kubernetes/replicas.suite.ts';
import '../integration/kubernetes/peers.suite.ts';
// These two kill the API server; one of them removes CRDs and restores them.
import '../integration/kubernetes/faults.suite.ts';
import '../integration/kubernetes/process-faults.suite.ts';
// The last one deletes the namespace, whose deletion nothing here completes.
import '../integration/kubernetes/readme.suite.ts';
