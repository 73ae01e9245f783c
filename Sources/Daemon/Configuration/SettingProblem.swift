/// What is wrong with the value of a setting (what to do).
struct SettingProblem: Error, Hashable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
