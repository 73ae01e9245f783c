/// Where things are when no flag says otherwise.
enum DefaultPath {
    static let spool = "/var/lib/dellad/spool"
    static let output = "/var/lib/dellad/output"
    static let models = "/var/lib/dellad/models"
}
