// Package datasets holds what all stages of the data share: the [Example], one row of a data set.
//
// Data flows one way through its sub-packages: raw files are read and cleaned (clean), become rows of Parquet shards (record),
// and are turned into token ids (text) and pixels (image).
package datasets

// Example is one row of a data set: a text, a picture, or both. The fields are the columns of the Parquet shards.
type Example struct {
	ID         string   // unique in the data set
	Source     string   // the paper's rows (section 2, Table 1): encyclopedia, community_qa, forum, common_crawl, web, ecommerce; else the data set's name
	Text       string   // the complete text; a caption where there is a picture
	Image      []byte   // the encoded picture (PNG, JPEG, GIF, WebP); nil where there is none
	ImagePath  string   // the picture's file name, for people and for Python's `datasets`
	References []string // all captions that count as right, where there are several
	Question   string   // empty where there is none
	Answer     string   // empty where there is none
	Meta       string   // a JSON object: address, date, licence, versions of rules, what a task adds; empty where there is none
}
