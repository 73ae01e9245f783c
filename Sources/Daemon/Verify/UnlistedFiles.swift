import StreamIO
import SystemPackage

/// What lies in a merged folder though its record does not list it.
struct UnlistedFiles: Hashable, Sendable {
    /// Names of this many are told.
    private static let toldLimit = 8

    /// Names that loaders look for, and would read in place of the record's files or along with them.
    var misleading: [String] = []
    /// The others, folders among them.
    var others: [String] = []

    init(in folder: FilePath, beside files: [RecordedFile]) throws(IOError) {
        let listed = Set(files.compactMap { FilePath($0.name).components.first?.string })
        for entry in try FileSystem.entries(of: folder)
        where !listed.contains(entry) && entry != RecordedFile.recordName {
            if entry.hasSuffix(".safetensors") || entry.hasSuffix(".index.json") {
                misleading.append(entry)
            } else {
                others.append(entry)
            }
        }
    }

    /// One line about the others; `nil` where there are none.
    var note: String? {
        guard !others.isEmpty else { return nil }
        let names = others.prefix(Self.toldLimit).map { $0.printable(atMost: 160) }.joined(separator: ", ")
        let more = others.count - Self.toldLimit
        return "not checked, as \(RecordedFile.recordName) does not list it: \(names)"
            + (more > 0 ? " and \(more) more" : "")
    }
}
