import StreamIO
import SystemPackage

/// The names that a merge has for what it makes.
public struct OwnPlaces {
    private let places: PartialFolder
    private let parts: RecipeParts

    public init(_ output: FilePath) {
        places = PartialFolder(output: output)
        parts = RecipeParts(output: output)
    }

    /// Whether a file has one of these names, or is below one.
    public func contain(_ file: FilePath) -> Bool {
        guard let parent = try? FileSystem.status(places.parent) else { return false }
        let names = [
            places.output, places.path, places.journal, places.statistics, places.journals, parts.path,
        ].compactMap { $0.lastComponent?.string }
        let drafts = names.map { ".\($0).tmp" }
        var place = file
        while let name = place.lastComponent?.string {
            if names.contains(name) || drafts.contains(name),
                let status = try? FileSystem.status(place.parent),
                status.isSameFile(as: parent)
            {
                return true
            }
            place = place.removingLastComponent()
        }
        return false
    }
}
