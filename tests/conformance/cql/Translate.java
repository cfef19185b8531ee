import java.io.File;
import org.cqframework.cql.cql2elm.CqlCompilerOptions;
import org.cqframework.cql.cql2elm.CqlTranslator;
import org.cqframework.cql.cql2elm.DefaultLibrarySourceProvider;
import org.cqframework.cql.cql2elm.LibraryManager;
import org.cqframework.cql.cql2elm.ModelManager;

/** Prints the ELM of a CQL file as JSON; libraries that it includes lie beside it. */
public final class Translate {
    public static void main(String[] arguments) throws Exception {
        File file = new File(arguments[0]).getAbsoluteFile();
        LibraryManager libraries = new LibraryManager(new ModelManager(), new CqlCompilerOptions());
        libraries.getLibrarySourceLoader().registerProvider(new DefaultLibrarySourceProvider(file.getParentFile().toPath()));
        CqlTranslator translator = CqlTranslator.fromFile(file, libraries);
        if (!translator.getExceptions().isEmpty()) {
            translator.getExceptions().forEach(each -> System.err.println(each.getLocator() + " " + each.getMessage()));
            System.exit(1);
        }
        System.out.println(translator.toJson());
    }
}
