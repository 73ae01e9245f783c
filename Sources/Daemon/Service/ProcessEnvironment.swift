import CSystemd

/// The environment of this process.
enum ProcessEnvironment {
    /// By name; of several with one name, the first counts. What is not UTF-8 is left out.
    static var variables: [String: String] {
        var variables: [String: String] = [:]
        guard var entry = dellad_environment() else { return [:] }
        while let text = entry.pointee {
            defer { entry += 1 }
            guard let line = String(validatingCString: text), let equals = line.firstIndex(of: "=") else {
                continue
            }
            let name = String(line[..<equals])
            if variables[name] == nil { variables[name] = String(line[line.index(after: equals)...]) }
        }
        return variables
    }
}
