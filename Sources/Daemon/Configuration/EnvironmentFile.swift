import StreamIO
import SystemPackage

/// Variables that a unit gives its daemon, as `EnvironmentFile=` reads them: `NAME=VALUE` a line, the value in quotes or
/// not; lines that begin with `#` or `;` say nothing.
struct EnvironmentFile: Hashable, Sendable {
    /// The most bytes of a file.
    static let sizeLimit = 64 << 10

    let path: FilePath
    private(set) var variables: [String: String] = [:]

    /// Reads a file; nothing where it is not there.
    init(readingIfThere path: FilePath) throws(CommandFailure) {
        var bytes: [UInt8] = []
        do throws(IOError) {
            bytes = try FileSystem.readWhole(path, limit: Self.sizeLimit)
        } catch {
            switch error.errno {
            case .noSuchFileOrDirectory, .notDirectory: break
            case .permissionDenied: throw CommandFailure.denied(path, .badConfiguration)
            default: throw CommandFailure("\(error) (variables are a short text file)", .badConfiguration)
            }
        }
        self.init(bytes, path: path)
    }

    init(_ bytes: [UInt8], path: FilePath) {
        self.path = path
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let line = line.drop { $0 == " " || $0 == "\t" }
            guard let first = line.first, first != "#", first != ";", let equals = line.firstIndex(of: "=")
            else { continue }
            let name = line[..<equals].filter { $0 != " " && $0 != "\t" }
            variables[name] = Self.unquoted(line[line.index(after: equals)...])
        }
    }

    private static func unquoted(_ text: Substring) -> String {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        guard let quote = text.first, quote == "\"" || quote == "'", text.count > 1, text.last == quote else {
            return String(text)
        }
        return String(text.dropFirst().dropLast())
    }
}
