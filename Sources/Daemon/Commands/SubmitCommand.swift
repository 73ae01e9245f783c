import ArgumentParser
import Glibc
import StreamIO
import SystemPackage

/// `dellad submit`: a config into the spool.
struct SubmitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Drops a config into a spool, as cp would."
    )

    @Argument(help: "The mergekit YAML.", completion: .file(extensions: ["yml", "yaml"]))
    var config: String

    @Option(help: "The job's name (default: the file's, without its extension).")
    var name: String?

    @OptionGroup var options: SpoolOptions

    func run() throws {
        let file = try ConfigFile(reading: config)
        let name = try SpoolOptions.name(name ?? file.path.stem ?? "")
        let spool = try options.existing()
        let target = spool.incoming("\(name).yml")
        // Hidden while it is written; then there, whole.
        let draft = spool.incoming(".\(name).yml.\(getpid())")
        do throws(IOError) {
            // The daemon reads it as a member of the folder's group.
            try FileSystem.writeWhole(
                file.text, to: draft, sync: true, permissions: 0o644, leastPermissions: 0o640)
            do throws(IOError) {
                try FileSystem.rename(draft, to: target, replacing: false)
                try FileSystem.syncFolder(spool.folder(.incoming))
            } catch {
                try? FileSystem.remove(draft)
                throw error
            }
        } catch  where error.errno == .fileExists {
            throw CommandFailure(
                "\(target): a config of that name waits already (choose another --name)", .cannotCreate)
        } catch {
            throw SpoolOptions.failure(error, in: spool)
        }
        StandardStream.output.write("\(name)\n")
        options.warnIfIdle(spool)
    }
}
