import ca.uhn.fhir.context.FhirContext;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.commons.lang3.tuple.Pair;
import org.cqframework.cql.cql2elm.CqlCompilerOptions;
import org.cqframework.cql.cql2elm.DefaultLibrarySourceProvider;
import org.cqframework.cql.cql2elm.LibraryManager;
import org.cqframework.cql.cql2elm.ModelManager;
import org.cqframework.cql.cql2elm.quick.FhirLibrarySourceProvider;
import org.hl7.elm.r1.VersionedIdentifier;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CodeableConcept;
import org.hl7.fhir.r4.model.Coding;
import org.hl7.fhir.r4.model.Condition;
import org.hl7.fhir.r4.model.MedicationRequest;
import org.hl7.fhir.r4.model.Observation;
import org.hl7.fhir.r4.model.Resource;
import org.opencds.cqf.cql.engine.data.CompositeDataProvider;
import org.opencds.cqf.cql.engine.data.DataProvider;
import org.opencds.cqf.cql.engine.execution.CqlEngine;
import org.opencds.cqf.cql.engine.execution.Environment;
import org.opencds.cqf.cql.engine.execution.EvaluationResult;
import org.opencds.cqf.cql.engine.fhir.model.R4FhirModelResolver;
import org.opencds.cqf.cql.engine.retrieve.RetrieveProvider;
import org.opencds.cqf.cql.engine.runtime.Code;
import org.opencds.cqf.cql.engine.runtime.DateTime;
import org.opencds.cqf.cql.engine.runtime.Interval;
import org.opencds.cqf.cql.engine.runtime.Tuple;

/**
 * Measures the reference CQL engine: one call parses a chart and evaluates definitions over it. The library is
 * translated once, before anything is measured.
 *
 * <p>Arguments: the CQL file; the folder of a library that it includes; a file of value sets, whose lines are id, system
 * and code with tabs between them; the moment of evaluation; when summer time ends; then the definitions.
 *
 * <p>A line of standard input: the file of a chart (a Bundle as JSON), a tab, and how often to do it. A line of output
 * for each: the nanoseconds of CPU that this thread needed for each call, with spaces between them; then, with a tab
 * before each, what the definitions say (met, a space and the figure).
 */
public final class Measure {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final FhirContext FHIR = FhirContext.forR4Cached();
    private static final R4FhirModelResolver RESOLVER = new R4FhirModelResolver();

    private final VersionedIdentifier library;
    private final LibraryManager libraries;
    private final Map<String, Set<String>> valueSets;
    private final ZonedDateTime now;
    private final Map<String, Object> parameters;
    private final List<String> definitions;

    private Measure(String[] arguments) throws Exception {
        File file = new File(arguments[0]).getAbsoluteFile();
        library = new VersionedIdentifier().withId(file.getName().replace(".cql", ""));
        libraries = new LibraryManager(new ModelManager(), new CqlCompilerOptions());
        for (Path folder : List.of(file.getParentFile().toPath(), Path.of(arguments[1]))) {
            libraries.getLibrarySourceLoader().registerProvider(new DefaultLibrarySourceProvider(folder));
        }
        libraries.getLibrarySourceLoader().registerProvider(new FhirLibrarySourceProvider());
        valueSets = readValueSets(Path.of(arguments[2]));
        now = ZonedDateTime.parse(arguments[3]);
        parameters = Map.of("Summer Time Ends", new DateTime(OffsetDateTime.parse(arguments[4])));
        definitions = List.of(arguments).subList(5, arguments.length);
    }

    public static void main(String[] arguments) throws Exception {
        Measure measure = new Measure(arguments);
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] asked = line.split("\t");
            System.out.println(measure.run(Files.readAllBytes(Path.of(asked[0])), Integer.parseInt(asked[1])));
        }
    }

    private String run(byte[] chart, int times) {
        List<String> nanoseconds = new ArrayList<>();
        EvaluationResult said = null;
        for (int count = 0; count < times; count++) {
            long began = THREADS.getCurrentThreadCpuTime();
            said = evaluate(chart);
            nanoseconds.add(Long.toString(THREADS.getCurrentThreadCpuTime() - began));
        }
        StringBuilder line = new StringBuilder(String.join(" ", nanoseconds));
        for (String definition : definitions) {
            Tuple answer = (Tuple) said.forExpression(definition).value();
            line.append('\t').append(answer.getElement("met")).append(' ').append(answer.getElement("figure"));
        }
        return line.toString();
    }

    private EvaluationResult evaluate(byte[] chart) {
        InputStreamReader text = new InputStreamReader(new ByteArrayInputStream(chart), StandardCharsets.UTF_8);
        Bundle bundle = FHIR.newJsonParser().parseResource(Bundle.class, text);
        DataProvider data = new CompositeDataProvider(RESOLVER, new Chart(bundle, valueSets));
        Environment environment = new Environment(libraries, Map.of("http://hl7.org/fhir", data), null);
        CqlEngine engine = new CqlEngine(environment, Set.of(CqlEngine.Options.EnableExpressionCaching));
        Pair<String, Object> patient = Pair.of("Patient", "p1");
        return engine.evaluate(library, Set.copyOf(definitions), patient, parameters, null, now);
    }

    private static Map<String, Set<String>> readValueSets(Path path) throws Exception {
        Map<String, Set<String>> found = new HashMap<>();
        for (String line : Files.readAllLines(path)) {
            String[] parts = line.split("\t");
            found.computeIfAbsent(parts[0], id -> new HashSet<>()).add(parts[1] + "|" + parts[2]);
        }
        return found;
    }

    /** A chart's resources by type; those of a value set are found by looking their codes up. */
    private static final class Chart implements RetrieveProvider {
        private final Map<String, List<Resource>> byType = new HashMap<>();
        private final Map<String, Set<String>> valueSets;

        Chart(Bundle bundle, Map<String, Set<String>> valueSets) {
            this.valueSets = valueSets;
            for (Bundle.BundleEntryComponent entry : bundle.getEntry()) {
                Resource resource = entry.getResource();
                byType.computeIfAbsent(resource.fhirType(), type -> new ArrayList<>()).add(resource);
            }
        }

        @Override
        public Iterable<Object> retrieve(String context, String contextPath, Object contextValue, String dataType,
                String templateId, String codePath, Iterable<Code> codes, String valueSet, String datePath,
                String dateLowPath, String dateHighPath, Interval dateRange) {
            List<Object> found = new ArrayList<>();
            Set<String> wanted = valueSet == null ? null : valueSets.getOrDefault(valueSet, Set.of());
            for (Resource resource : byType.getOrDefault(dataType, List.of())) {
                if (wanted == null || isOneOf(codeOf(resource), wanted)) {
                    found.add(resource);
                }
            }
            return found;
        }

        private static boolean isOneOf(CodeableConcept concept, Set<String> wanted) {
            for (Coding coding : concept.getCoding()) {
                if (wanted.contains(coding.getSystem() + "|" + coding.getCode())) {
                    return true;
                }
            }
            return false;
        }

        private static CodeableConcept codeOf(Resource resource) {
            if (resource instanceof Observation observation) {
                return observation.getCode();
            }
            if (resource instanceof Condition condition) {
                return condition.getCode();
            }
            return ((MedicationRequest) resource).getMedicationCodeableConcept();
        }
    }
}
