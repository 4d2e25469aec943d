// All that needs nothing but an API server shares one: it takes longer to start than most of these take. Each is run alone by its name.
import './kubernetes/condition-writer.suite.ts';
import './kubernetes/proxy.suite.ts';
import './kubernetes/writes.suite.ts';
import './kubernetes/actions.suite.ts';
import './kubernetes/health-rules.suite.ts';
import './kubernetes/push-to-condition.suite.ts';
import './kubernetes/label-selector.suite.ts';
import './kubernetes/drive-other-controllers.suite.ts';
import './kubernetes/manifests-applied.suite.ts';
import './kubernetes/foreign-namespace.suite.ts';
// These two kill the API server; the first one takes a CRD away and brings it back.
import './kubernetes/faults.suite.ts';
import './kubernetes/process-faults.suite.ts';
// The last one deletes the namespace, which nobody here brings to an end.
import './kubernetes/readme.suite.ts';
