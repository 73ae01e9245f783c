import StreamIO
import SystemPackage

/// Words that a shell offers, of what is there.
enum Completions {
    /// The most words that are offered.
    private static let limit = 1000

    /// Instances that have a settings file.
    static var instances: [String] {
        let folder = SettingsSource.usualFile.removingLastComponent()
        return names(in: folder).compactMap { name in
            guard name.hasSuffix(".yaml"), name != SettingsSource.usualFile.lastComponent?.string else {
                return nil
            }
            return String(name.dropLast(".yaml".count))
        }
    }

    /// Jobs whose configs are in one of some folders of the spool that the words of the command line ask for.
    static func jobs(in folders: [Spool.Folder], _ words: [String]) -> [String] {
        func value(_ option: String) -> String? {
            guard let index = words.lastIndex(where: { $0 == option || $0.hasPrefix(option + "=") }) else {
                return nil
            }
            if words[index] != option { return String(words[index].dropFirst(option.count + 1)) }
            // Bash makes a word of the sign between.
            return words[(index + 1)...].first { $0 != "=" }
        }
        var options = SettingsOptions()
        (options.file, options.instance) = (value("--config"), value("--instance"))
        options.isUsers = words.contains("--user")
        let flag = value("--spool")
        guard let root = flag.map({ FilePath($0) }) ?? (try? options.read())?.spool else { return [] }
        let spool = Spool(root: root, output: "")
        var jobs: Set<String> = []
        for folder in folders {
            for name in names(in: spool.folder(folder)) {
                guard case .config(let job) = IncomingFile(fileName: name) else { continue }
                jobs.insert(job.text)
            }
        }
        return jobs.sorted()
    }

    private static func names(in folder: FilePath) -> [String] {
        (try? FileSystem.entries(of: folder, limit: limit)) ?? []
    }
}
